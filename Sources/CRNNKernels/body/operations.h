// The operations on one element type. What the parts define as macros is undefined again for the other type.

#include "vector.h"

#include "exponential.h"
#include "logarithm.h"
#include "gaussian.h"

#include "activation.h"
#include "product.h"

#include "cells.h"
#include "arithmetic.h"
#include "rows.h"
#include "narrow.h"
#ifdef HAS_INT8
#include "int8.h"
#endif
#include "multiply.h"
#include "layer.h"
#include "calls.h"

#undef FOR_KEPT
#undef TWO_GROUPS
#undef FOR_CELL
#undef FOR_PANELS
#undef REAL
#undef INTEGER
#undef LANES
#undef SUFFIX
#undef LOG2E
#undef LN2
#undef LN2_HIGH
#undef LN2_LOW
#undef FRACTION_BITS
#undef EXPONENT_BIAS
#undef ROUNDER
#undef RAISE
#undef SIGMOID_MOST
#undef DOWN
#undef EXP_LEAST
#undef TANH_LEAST
#undef SILU_LEAST
#undef EXP_MOST
#undef GELU_TANH_MOST

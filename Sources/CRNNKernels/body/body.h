// Every operation for both element types, for the instruction set that the including file has chosen.
//
// ISA names it. WIDEST_TILE, TALLEST_TILE(panels) and MAXIMUM_TILE say how large a piece of a product the registers
// hold, SINGLE_PANELS how many panels a single row takes at once, TOGETHER(panels) how many groups of them lie side by
// side, PACKS whether two gates share the last panels, SMALL_TILE how many rows times panels a small layer, IN_STEP how
// many vectors a function and MOST_UNITS how many a cell; KEEPS_HALVES that half-precision weights may stay what they
// are. Instructions, where there are any: STORE_FIRST(output, count, x) stores the first `count` reals of x,
// LOAD_FIRST(x, count, result) sets `result` to the first `count` reals at x, fewer than a vector, and zeros after them,
// X_UNLESS_NAN(x, other) is x, or `other` in lanes where x is a NaN. DOT, BYTE_ROWS and BYTE_PANELS are int8.h's; WITH_VNNI names the
// instruction set that has more for products of bytes, if there is one.

#pragma STDC FP_CONTRACT OFF
// Vectors wider than the registers are only ever passed to functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define REAL float
#define INTEGER int32_t
#define LANES 16
#define SUFFIX float32
#define HAS_INT8
#include "operations.h"
#undef HAS_INT8
#define REAL double
#define INTEGER int64_t
#define LANES 8
#define SUFFIX float64
#include "operations.h"

#define KERNELS_(isa) rnnkit_kernels_##isa
#define KERNELS(isa) KERNELS_(isa)
#define MULTIPLY_(isa) rnnkit_multiply_int8_##isa
#define MULTIPLY(isa) MULTIPLY_(isa)
#define STRING_(isa) #isa
#define STRING(isa) STRING_(isa)

#ifdef KEEPS_HALVES
#define KEEPS true
#else
#define KEEPS false
#endif

const rnnkit_kernels KERNELS(ISA) = {
    STRING(ISA),
    PASTE(operations, ISA, float32),
    PASTE(operations, ISA, float64),
    KEEPS,
    PASTE(multiply_int8, ISA, float32),
};

#ifdef WITH_VNNI
void MULTIPLY(WITH_VNNI)(const rnnkit_matrix *matrix, const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                         const float *start, ptrdiff_t start_stride, float *target, ptrdiff_t target_stride);
/// The same with instructions of their own for products of bytes.
const rnnkit_kernels KERNELS(WITH_VNNI) = {
    STRING(WITH_VNNI),
    PASTE(operations, ISA, float32),
    PASTE(operations, ISA, float64),
    KEEPS,
    MULTIPLY(WITH_VNNI),
};
#endif

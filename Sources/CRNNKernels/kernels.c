#include "CRNNKernels.h"

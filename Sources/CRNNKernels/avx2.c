// AVX2 with FMA: 16 registers of half a vector.
#include "CRNNKernels.h"

#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define ISA avx2
#define KEEPS_HALVES
#define WIDEST_TILE 2
#define TALLEST_TILE(panels) ((panels) == 1 ? 6 : 3)
#define MAXIMUM_TILE 6
#define SINGLE_PANELS 4
#define TOGETHER(panels) 1
#define PACKS 0
#define SMALL_TILE 12
#define IN_STEP 1
#define MOST_UNITS 1
#include "body/body.h"
#pragma clang attribute pop
#endif

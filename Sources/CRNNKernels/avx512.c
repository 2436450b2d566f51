// AVX-512: 32 registers of a whole vector.
#include "CRNNKernels.h"

#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,f16c"))), apply_to = function)
#define ISA avx512
#define KEEPS_HALVES
#define WIDEST_TILE 4
#define TALLEST_TILE(panels) ((panels) == 4 ? 6 : (panels) == 3 ? 8 : (panels) == 2 ? 8 : 12)
#define MAXIMUM_TILE 24
#define SINGLE_PANELS 12
#define TOGETHER(panels) ((panels) == 3 ? 4 : 2)
#define PACKS 1
#define SMALL_TILE 16
#define IN_STEP 3
#define MOST_UNITS 3
#include "body/body.h"
#pragma clang attribute pop
#endif

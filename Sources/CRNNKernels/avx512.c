// AVX-512: 32 registers of a whole vector.
#include "CRNNKernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
#define ISA avx512
#define WIDEST_TILE 4
#define TALLEST_TILE(panels) ((panels) == 4 ? 6 : (panels) == 3 ? 8 : (panels) == 2 ? 8 : 12)
#define MAXIMUM_TILE 24
#define SINGLE_GROUPS(panels) ((panels) == 4 ? 3 : (panels) == 3 ? 4 : (panels) == 2 ? 5 : 8)
#include "body/body.h"
#pragma clang attribute pop
#endif

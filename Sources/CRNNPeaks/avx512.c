// AVX-512: 32 registers of a whole vector.
#include "CRNNPeaks.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))),                   \
                             apply_to = function)
#define ISA avx512
#define IN_FLIGHT 12
#define READ_SUMS 4
#include "body.h"
#pragma clang attribute pop
#endif

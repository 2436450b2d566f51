// AVX2 with FMA: 16 registers of half a vector.
#include "CRNNPeaks.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define ISA avx2
#define IN_FLIGHT 6
#define READ_SUMS 2
#include "body.h"
#pragma clang attribute pop
#endif

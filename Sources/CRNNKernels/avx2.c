// AVX2 with FMA: 16 registers of half a vector.
#include "CRNNKernels.h"

#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
#include <immintrin.h>

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
#define LOAD_FIRST(x, count, result)                                                                                   \
  {                                                                                                                    \
    VI lanes;                                                                                                          \
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = lane;                                                       \
    const VI mask = lanes < (VI)(INTEGER)(count);                                                                      \
    const __m256i *halves = (const __m256i *)&mask;                                                                    \
    for (int half = 0; half < 2; half++) {                                                                             \
      const REAL *from = (x) + half * (LANES / 2);                                                                     \
      ((__m256i *)&(result))[half] = (__m256i)_Generic(*(x),                                                           \
          float: _mm256_maskload_ps((const float *)from, halves[half]),                                                \
          double: _mm256_maskload_pd((const double *)from, halves[half]));                                             \
    }                                                                                                                  \
  }
#define BYTE_ROWS 3
#define BYTE_PANELS 1
#define WITH_VNNI avx2vnni
#define ADD_PAIRS(a, b, to)                                                                                            \
  for (int half = 0; half < 2; half++) {                                                                               \
    ((__m256i *)&(to))[half] = _mm256_add_epi32(                                                                       \
        ((__m256i *)&(to))[half], _mm256_madd_epi16(((const __m256i *)&(a))[half], ((const __m256i *)&(b))[half]));      \
  }
#include "body/body.h"
#pragma clang attribute pop
#endif

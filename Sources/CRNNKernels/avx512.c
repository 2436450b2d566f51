// AVX-512: 32 registers of a whole vector.
#include "CRNNKernels.h"

#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
#include <immintrin.h>

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
#define STORE_FIRST(output, count, x)                                                                                  \
  _Generic(*(output),                                                                                                  \
      float: _mm512_mask_storeu_ps(output, (1u << (count)) - 1, (__m512)(x)),                                          \
      double: _mm512_mask_storeu_pd(output, (1u << (count)) - 1, (__m512d)(x)))
#define LOAD_FIRST(x, count, result)                                                                                   \
  (result) = (V)_Generic(*(x),                                                                                         \
      float: _mm512_maskz_loadu_ps((1u << (count)) - 1, x),                                                            \
      double: _mm512_maskz_loadu_pd((1u << (count)) - 1, x))
// One instruction with a quarter of a comparison's and a choice's latency. The table has a digit for each kind of x, NaNs
// being the lowest two: 0 leaves `other`, 1 takes x.
#define X_UNLESS_NAN(x, other)                                                                                         \
  (V) _Generic((x)[0],                                                                                                 \
      float: _mm512_fixupimm_ps((__m512)(other), (__m512)(x), _mm512_set1_epi32(0x11111100), 0),                       \
      double: _mm512_fixupimm_pd((__m512d)(other), (__m512d)(x), _mm512_set1_epi64(0x11111100), 0))
#define BYTE_ROWS 4
#define BYTE_PANELS 4
#define WITH_VNNI avx512vnni
#define ADD_PAIRS(a, b, to)                                                                                            \
  { (to) = (BYTES)_mm512_add_epi32((__m512i)(to), _mm512_madd_epi16((__m512i)(a), (__m512i)(b))); }
#include "body/body.h"
#pragma clang attribute pop
#endif

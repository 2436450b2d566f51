// Products of bytes with instructions of their own, in AVX-512's registers and in AVX2's.
#include "CRNNKernels.h"

#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"
#define REAL float
#define INTEGER int32_t
#define LANES 16
#define SUFFIX float32

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c"))), apply_to = function)
#define ISA avx512vnni
#define BYTE_ROWS 6
#define BYTE_PANELS 4
#define DOT(sum, x, w) ((sum) = (BYTES)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(x), (__m512i)(w)))
#include "body/vector.h"
#include "body/int8.h"
void rnnkit_multiply_int8_avx512vnni(const rnnkit_matrix *matrix, const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                     const float *start, ptrdiff_t start_stride, float *target, ptrdiff_t target_stride) {
  NAME(multiply_int8)(matrix, x, x_stride, rows, start, start_stride, target, target_stride);
}
#pragma clang attribute pop

#undef ISA
#undef FOR_KEPT
#pragma clang attribute push(__attribute__((target("avx2,avxvnni,fma,f16c"))), apply_to = function)
#define ISA avx2vnni
#define BYTE_ROWS 2
#define BYTE_PANELS 2
#define DOT(sum, x, w)                                                                                                 \
  for (int half = 0; half < 2; half++) {                                                                               \
    ((__m256i *)&(sum))[half] = _mm256_dpbusd_avx_epi32(((__m256i *)&(sum))[half], ((const __m256i *)&(x))[half],       \
                                                        ((const __m256i *)&(w))[half]);                                \
  }
#include "body/vector.h"
#include "body/int8.h"
void rnnkit_multiply_int8_avx2vnni(const rnnkit_matrix *matrix, const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                   const float *start, ptrdiff_t start_stride, float *target, ptrdiff_t target_stride) {
  NAME(multiply_int8)(matrix, x, x_stride, rows, start, start_stride, target, target_stride);
}
#pragma clang attribute pop
#endif

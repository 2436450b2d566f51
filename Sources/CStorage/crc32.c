#include "CStorage.h"

#ifdef __x86_64__

#include <immintrin.h>

// Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009). The constants
// are x^n modulo zip's polynomial, bit-reversed: n = 4·128 + 32 and 4·128 − 32, then 128 + 32 and 128 − 32.
#define FOLD_BY_4 _mm_set_epi64x(0x01c6e41596, 0x0154442bd4)
#define FOLD_BY_1 _mm_set_epi64x(0x00ccaa009e, 0x01751997d0)

__attribute__((target("pclmul"))) static inline __m128i fold(__m128i sum, __m128i by, __m128i next) {
  __m128i low = _mm_clmulepi64_si128(sum, by, 0x00), high = _mm_clmulepi64_si128(sum, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul"))) static size_t fold_all(uint32_t crc, const __m128i *bytes, size_t count,
                                                         uint8_t folded[16]) {
  __m128i sum[4];
  for (int i = 0; i < 4; i++) sum[i] = _mm_loadu_si128(bytes + i);
  sum[0] = _mm_xor_si128(sum[0], _mm_cvtsi32_si128((int)~crc));
  size_t blocks = count / 64;
  for (size_t block = 1; block < blocks; block++)
    for (int i = 0; i < 4; i++) sum[i] = fold(sum[i], FOLD_BY_4, _mm_loadu_si128(bytes + 4 * block + i));
  for (int i = 1; i < 4; i++) sum[i] = fold(sum[i - 1], FOLD_BY_1, sum[i]);
  _mm_storeu_si128((__m128i *)folded, sum[3]);
  return blocks * 64;
}

size_t rnn_storage_fold_crc32(uint32_t crc, const void *bytes, size_t count, uint8_t folded[16]) {
  if (count < 256 || !__builtin_cpu_supports("pclmul")) return 0;
  return fold_all(crc, bytes, count, folded);
}

#else

size_t rnn_storage_fold_crc32(uint32_t crc, const void *bytes, size_t count, uint8_t folded[16]) { return 0; }

#endif

// Products with matrices of bytes, float32 alone: each row of x is rounded to whole numbers 0 to 255 by its own range,
// products are sums of whole numbers, exact in any order, and one float expression is made of each.
//
// BYTE_ROWS and BYTE_PANELS say how large a piece of a product the registers hold. DOT(sum, x, w) adds the products of four
// unsigned bytes of x and four signed ones of w to each lane of `sum`; where there is no instruction for it, ADD_PAIRS(a, b,
// to) those of two 16-bit numbers.

typedef uint32_t NAME(bytes) __attribute__((ext_vector_type(16)));
typedef int16_t NAME(shorts) __attribute__((ext_vector_type(32)));
typedef uint8_t NAME(packed) __attribute__((ext_vector_type(16)));
#define BYTES NAME(bytes)

#ifndef DOT
// Sums of unsigned bytes times signed ones would not fit 16 bits: bytes are widened, the even columns and the odd ones.
#ifndef ADD_PAIRS
#define ADD_PAIRS(a, b, to)                                                                                            \
  {                                                                                                                    \
    typedef int16_t half __attribute__((ext_vector_type(16)));                                                         \
    half a0 = (a).even, a1 = (a).odd, b0 = (b).even, b1 = (b).odd;                                                     \
    (to) += (BYTES)(__builtin_convertvector(a0, VI) * __builtin_convertvector(b0, VI) +                                \
                    __builtin_convertvector(a1, VI) * __builtin_convertvector(b1, VI));                                \
  }
#endif
#define DOT(sum, x, w)                                                                                                 \
  {                                                                                                                    \
    NAME(shorts) even = (NAME(shorts))((x) & 0x00ff00ff), odd = (NAME(shorts))((x) >> 8 & 0x00ff00ff);                 \
    NAME(shorts) w_even = (NAME(shorts))(w) << 8 >> 8, w_odd = (NAME(shorts))(w) >> 8;                                 \
    ADD_PAIRS(w_even, even, sum)                                                                                       \
    ADD_PAIRS(w_odd, odd, sum)                                                                                         \
  }
#endif

/// Bytes of rounded rows that are worked with at once.
#define BYTES_AT_ONCE 32768

/// A row of whole numbers u, which stand for scale·(u − zero).
typedef struct {
  float scale;
  uint32_t zero;
} NAME(range);

/// Rounds a row of x, four numbers to a word; those past the last one are zero.
static NAME(range) NAME(round_row)(const float *x, ptrdiff_t count, uint8_t *out) {
  // As bit patterns, positive numbers have the order of signed ones, and negative numbers, which are the largest unsigned ones,
  // grow with their magnitude: what is no number is the largest of either.
  VI most = 0;
  BYTES least = 0x80000000u;
  ptrdiff_t k = 0;
  for (; k + 16 <= count; k += 16) {
    VI bits;
    __builtin_memcpy(&bits, x + k, sizeof bits);
    most = __builtin_elementwise_max(most, bits);
    least = __builtin_elementwise_max(least, (BYTES)bits);
  }
  if (k < count) {
    VI bits = 0;
    __builtin_memcpy(&bits, x + k, (count - k) * sizeof(float));
    most = __builtin_elementwise_max(most, bits);
    least = __builtin_elementwise_max(least, (BYTES)bits);
  }
  union { int32_t bits; float value; } high = {__builtin_reduce_max(most)};
  union { uint32_t bits; float value; } low = {__builtin_reduce_max(least)};
  const float width = high.value - low.value;
  if (high.bits >= 0x7f800000 || low.bits >= 0xff800000u || width > 0x1.fffffep127f || width < 0x1p-118f) {
    __builtin_memset(out, 0, (count + 3) / 4 * 4);
    bool is_zero = width < 0x1p-118f;
    return (NAME(range)){is_zero ? 0 : __builtin_nanf(""), 0};
  }
  const float inverse = 255 / width;
  const V rounder = SPLAT(0x1.8p23f);
  union { float value; uint32_t bits; } zero = {-low.value * inverse + 0x1.8p23f};
  // A rounded number's bits less the rounder's, plus the zero's.
  const BYTES shift = zero.bits - 0x4b400000u - 0x4b400000u;
  for (k = 0; k < count; k += 16) {
    V value = 0;
    const ptrdiff_t left = count - k;
    if (left >= 16) __builtin_memcpy(&value, x + k, sizeof value);
    else __builtin_memcpy(&value, x + k, left * sizeof(float));
    BYTES u = (BYTES)(value * SPLAT(inverse) + rounder) + shift;
    NAME(packed) bytes = __builtin_convertvector(__builtin_elementwise_min(u, (BYTES)255), NAME(packed));
    if (left >= 16) __builtin_memcpy(out + k, &bytes, 16);
    else __builtin_memcpy(out + k, &bytes, (left + 3) / 4 * 4);
  }
  return (NAME(range)){width * 0x1.010102p-8f, zero.bits - 0x4b400000u};
}

/// `rows` rounded rows times panels `first` to `first` + `panels` of a group, to `out`.
INLINE void NAME(byte_tile)(const int rows, const int panels, const rnnkit_matrix *matrix, ptrdiff_t group, int first,
                            const uint8_t *x, ptrdiff_t x_stride, const NAME(range) *ranges, const float *start,
                            ptrdiff_t start_stride, float *out, ptrdiff_t out_stride) {
  const ptrdiff_t quads = (matrix->inner + 3) / 4, pitch = matrix->panels;
  const BYTES *w = (const BYTES *)matrix->weights + group * quads * pitch + first;
  BYTES sums[BYTE_ROWS * BYTE_PANELS];
  UNROLL for (int i = 0; i < rows * panels; i++) sums[i] = 0;
  for (ptrdiff_t q = 0; q < quads; q++, w += pitch) {
    BYTES weights[BYTE_PANELS];
    UNROLL for (int p = 0; p < panels; p++) weights[p] = w[p];
    UNROLL for (int r = 0; r < rows; r++) {
      uint32_t four;
      __builtin_memcpy(&four, x + r * x_stride + q * 4, 4);
      const BYTES value = four;
      UNROLL for (int p = 0; p < panels; p++) DOT(sums[r * panels + p], value, weights[p]);
    }
  }
  const ptrdiff_t at = group * pitch + first, to = (group * matrix->pitch + matrix->first + first) * 16;
  const V *scales = (const V *)matrix->scales + at;
  const BYTES *totals = (const BYTES *)matrix->sums + at;
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < panels; p++) {
      const BYTES sum = sums[r * panels + p] - ranges[r].zero * totals[p];
      const V product = __builtin_convertvector((VI)sum, V);
      const V from = *(const V *)(start + r * start_stride + to + p * 16);
      *(V *)(out + r * out_stride + to + p * 16) = FMA(product, SPLAT(ranges[r].scale) * scales[p], from);
    }
  }
}

/// Rows times a part of all groups' panels.
INLINE void NAME(byte_strip)(const int panels, const rnnkit_matrix *matrix, int first, const uint8_t *x, ptrdiff_t x_stride,
                             ptrdiff_t rows, const NAME(range) *ranges, const float *start, ptrdiff_t start_stride,
                             float *out, ptrdiff_t out_stride, ptrdiff_t group) {
  ptrdiff_t row = 0;
#define TILES(height)                                                                                                  \
  for (; row + (height) <= rows; row += (height)) {                                                                    \
    NAME(byte_tile)((height), panels, matrix, group, first, x + row * x_stride, x_stride, ranges + row,                \
                    start + row * start_stride, start_stride, out + row * out_stride, out_stride);                     \
  }
  if (BYTE_ROWS > 4) TILES(BYTE_ROWS)
  if (BYTE_ROWS > 3) TILES(4)
  if (BYTE_ROWS == 3) TILES(3)
  TILES(2)
  TILES(1)
#undef TILES
}

static void NAME(multiply_int8)(const rnnkit_matrix *matrix, const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                const float *start, ptrdiff_t start_stride, float *out, ptrdiff_t out_stride) {
  enum { MOST_ROWS = 48 };
  const ptrdiff_t stride = (matrix->inner + 3) / 4 * 4;
  ptrdiff_t at_once = BYTES_AT_ONCE / stride;
  if (at_once > MOST_ROWS) at_once = MOST_ROWS;
  uint8_t bytes[BYTES_AT_ONCE];
  NAME(range) ranges[MOST_ROWS];
  for (ptrdiff_t row = 0; row < rows; row += at_once) {
    const ptrdiff_t count = rows - row < at_once ? rows - row : at_once;
    for (ptrdiff_t r = 0; r < count; r++) {
      ranges[r] = NAME(round_row)(x + (row + r) * x_stride, matrix->inner, bytes + r * stride);
    }
    for (ptrdiff_t group = 0; group < matrix->groups; group++) {
      int first = 0;
#define STRIP(width)                                                                                                   \
  for (; first + (width) <= matrix->panels; first += (width)) {                                                        \
    NAME(byte_strip)((width), matrix, first, bytes, stride, count, ranges, start + row * start_stride, start_stride,  \
                     out + row * out_stride, out_stride, group);                                                       \
  }
      if (BYTE_PANELS > 3) STRIP(4)
      if (BYTE_PANELS > 2) STRIP(3)
      if (BYTE_PANELS > 1) STRIP(2)
      STRIP(1)
#undef STRIP
    }
  }
}

#undef BYTES
#undef DOT
#undef ADD_PAIRS
#undef BYTE_ROWS
#undef BYTE_PANELS
#undef BYTES_AT_ONCE

// Products with narrow linear layers: a row's product is a few vectors, each lane the sum of its columns, and at the end the
// upper half of the lanes is added to the lower one until one is left. So no multiply-add waits for more than those of its
// lane, which matters where there is one row.

/// The sum of all lanes: of two halves, four, ...
INLINE REAL NAME(halved)(V x) {
#if LANES == 16
  typedef REAL half __attribute__((ext_vector_type(8)));
  half a = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  V a = x;
#endif
  typedef REAL quarter __attribute__((ext_vector_type(4)));
  quarter b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  return (b[0] + b[2]) + (b[1] + b[3]);
}

INLINE void NAME(narrow_rows)(const int outputs, const rnnkit_matrix *matrix, const REAL *x, ptrdiff_t x_stride,
                              ptrdiff_t rows, const REAL *start, REAL *out, ptrdiff_t out_stride) {
  const ptrdiff_t inner = matrix->inner;
  for (ptrdiff_t r = 0; r < rows; r++, x += x_stride, out += out_stride) {
    V sums[RNNKIT_NARROW];
    UNROLL for (int i = 0; i < outputs; i++) sums[i] = SPLAT(0);
    const V *w = matrix->weights;
    for (ptrdiff_t k = 0; k < inner; k += LANES, w += outputs) {
      V value = NAME(take)(x + k, inner - k, false);
      UNROLL for (int i = 0; i < outputs; i++) sums[i] = FMA(w[i], value, sums[i]);
    }
    UNROLL for (int i = 0; i < outputs; i++) {
      REAL y = start[i] + NAME(halved)(sums[i]);
      out[i] = y != y ? (REAL)__builtin_nan("") : y;
    }
  }
}

static void NAME(multiply_narrow)(const rnnkit_matrix *matrix, const void *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                  const void *start, ptrdiff_t outputs, void *out, ptrdiff_t out_stride) {
  switch (outputs) {
#define OUTPUTS(number)                                                                                                \
  case number: NAME(narrow_rows)(number, matrix, x, x_stride, rows, start, out, out_stride); break;
    OUTPUTS(1)
    OUTPUTS(2)
    OUTPUTS(3)
    OUTPUTS(4)
#undef OUTPUTS
  }
}

// Arithmetic of two matrices, row by row.

/// The first `count` reals at `x`, +0 after them; all lanes the first one where `single`.
INLINE V NAME(take)(const REAL *x, ptrdiff_t count, bool single) {
  V result = SPLAT(0);
  if (single) return SPLAT(x[0]);
  if (count >= LANES) {
    __builtin_memcpy(&result, x, sizeof(V));
  } else {
#ifdef LOAD_FIRST
    LOAD_FIRST(x, count, result);
#else
    __builtin_memcpy(&result, x, count * sizeof(REAL));
#endif
  }
  return result;
}

INLINE V NAME(combine)(const rnnkit_arithmetic kind, V a, V b) {
  switch (kind) {
  case RNNKIT_ADD: return a + b;
  case RNNKIT_SUBTRACT: return a - b;
  case RNNKIT_MULTIPLY: return a * b;
  case RNNKIT_DIVIDE: return a / b;
  case RNNKIT_PRELU: return SELECT(a < 0, b * a, a);
  }
}

INLINE void NAME(arithmetic_rows)(const rnnkit_arithmetic kind, rnnkit_operand a, rnnkit_operand b, ptrdiff_t count,
                                  ptrdiff_t rows, REAL *target, ptrdiff_t target_stride) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    const REAL *x = (const REAL *)a.values + r * a.stride, *y = (const REAL *)b.values + r * b.stride;
    REAL *z = target + r * target_stride;
    for (ptrdiff_t i = 0; i < count; i += LANES) {
      ptrdiff_t left = count - i;
      V result = NAME(combine)(kind, NAME(take)(x + (a.single ? 0 : i), left, a.single),
                               NAME(take)(y + (b.single ? 0 : i), left, b.single));
      NAME(put)(z + i, left, NAME(canonical)(result));
    }
  }
}

static void NAME(arithmetic)(rnnkit_arithmetic kind, rnnkit_operand a, rnnkit_operand b, ptrdiff_t count, ptrdiff_t rows,
                             void *target, ptrdiff_t target_stride) {
  // Rows without gaps are one row.
  if (target_stride == count && (a.single ? a.stride == 0 : a.stride == count) &&
      (b.single ? b.stride == 0 : b.stride == count)) {
    count *= rows;
    rows = 1;
  }
  switch (kind) {
#define CASE(kind) case kind: NAME(arithmetic_rows)(kind, a, b, count, rows, (REAL *)target, target_stride); break
  CASE(RNNKIT_ADD);
  CASE(RNNKIT_SUBTRACT);
  CASE(RNNKIT_MULTIPLY);
  CASE(RNNKIT_DIVIDE);
  CASE(RNNKIT_PRELU);
#undef CASE
  }
}

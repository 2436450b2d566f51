// The loops of arithmetic, on vectors of REAL.

#define V NAME(vector)
typedef REAL V __attribute__((ext_vector_type(LANES)));

/// A vector of a number that the compiler does not know.
static inline __attribute__((always_inline)) V NAME(unknown)(REAL x) {
  volatile REAL hidden = x;
  return SPLAT(hidden);
}

static ptrdiff_t NAME(multiply_adds)(ptrdiff_t count) {
  V sums[IN_FLIGHT], factor = NAME(unknown)(0.5), addend = NAME(unknown)(0.25);
  UNROLL for (int j = 0; j < IN_FLIGHT; j++) sums[j] = SPLAT(j);
  ptrdiff_t done = 0;
  for (; done < count; done += IN_FLIGHT) {
    UNROLL for (int j = 0; j < IN_FLIGHT; j++) sums[j] = FMA(sums[j], factor, addend);
  }
  FORGET(sums);
  return done;
}

static ptrdiff_t NAME(divisions)(ptrdiff_t count) {
  V sums[IN_FLIGHT], divisor = NAME(unknown)(1.5);
  UNROLL for (int j = 0; j < IN_FLIGHT; j++) sums[j] = SPLAT(j + 1);
  ptrdiff_t done = 0;
  for (; done < count; done += IN_FLIGHT) { UNROLL for (int j = 0; j < IN_FLIGHT; j++) sums[j] = divisor / sums[j]; }
  FORGET(sums);
  return done;
}

static void NAME(multiply_add_chain)(ptrdiff_t count) {
  V sum = NAME(unknown)(1), factor = NAME(unknown)(0.5), addend = NAME(unknown)(0.25);
  for (ptrdiff_t i = 0; i < count; i++) sum = FMA(sum, factor, addend);
  FORGET(&sum);
}

static void NAME(addition_chain)(ptrdiff_t count) {
  V sum = NAME(unknown)(1), addend = NAME(unknown)(0.25);
  for (ptrdiff_t i = 0; i < count; i++) sum = sum + addend;
  FORGET(&sum);
}

static void NAME(division_chain)(ptrdiff_t count) {
  V quotient = NAME(unknown)(1), dividend = NAME(unknown)(1.5);
  for (ptrdiff_t i = 0; i < count; i++) quotient = dividend / quotient;
  FORGET(&quotient);
}

static void NAME(broadcast_chain)(ptrdiff_t count) {
  V stored = NAME(unknown)(1);
  const REAL *element = (const REAL *)&stored + 5;
  for (ptrdiff_t i = 0; i < count; i++) {
    FORGET(&stored);
    stored = SPLAT(*element);
  }
  FORGET(&stored);
}

static const rnnkit_arithmetic NAME(arithmetic) = {
    NAME(multiply_adds),  NAME(divisions),      NAME(multiply_add_chain),
    NAME(addition_chain), NAME(division_chain), NAME(broadcast_chain),
};

#undef V
#undef REAL
#undef LANES
#undef SUFFIX

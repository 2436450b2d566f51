// exp and its kin from IEEE operations alone, one sequence for every instruction set.
//
// exp(y) = 2^n·(1 + p), where n is y/ln 2 rounded and p = expm1(r), r = y − n·ln 2, |r| <= ln(2)/2. The polynomials are
// minimax fits of relative error 2^-26 (float32) and 2^-61 (float64).

#if LANES == 16
#define LOG2E 0x1.715476p+0f
#define LN2 0x1.62e43p-1f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define FRACTION_BITS 23
#define EXPONENT_BIAS 127
/// A number whose last fraction bit is worth 1: adding it rounds to a whole number, which its low bits then hold.
#define ROUNDER 0x1.8p23f
/// Powers of two below the normal range are kept times 2^RAISE until the last multiplication.
#define RAISE 32
#define DOWN SPLAT(0x1p-32f)
#define EXP_LEAST -104.0f
#define TANH_LEAST -19.0f
#define SIGMOID_MOST 17.5f
/// Below it x·sigmoid(x) is 0; above it exp(x) is infinite; outside ± it x·sigmoid(GELU's cubic) is 0 or x.
#define SILU_LEAST -109.0f
#define EXP_MOST 89.0f
#define GELU_TANH_MOST 11.0f
#else
#define LOG2E 0x1.71547652b82fep+0
#define LN2 0x1.62e42fefa39efp-1
#define LN2_HIGH 0x1.62e42fefa3000p-1
#define LN2_LOW 0x1.3de6af278ece6p-42
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define ROUNDER 0x1.8p52
#define RAISE 128
#define DOWN SPLAT(0x1p-128)
#define EXP_LEAST -746.0
#define TANH_LEAST -40.0
#define SIGMOID_MOST 37.5
#define SILU_LEAST -752.0
#define EXP_MOST 710.0
#define GELU_TANH_MOST 21.75
#endif

/// Most vectors that a function takes in step.
#define MOST_IN_STEP 4
#define EACH UNROLL for (int j = 0; j < count; j++)

/// p[j] = expm1(r[j]) for |r| <= ln(2)/2.
INLINE void NAME(expm1_near_zero)(const int count, const V *r, V *p) {
  V r2[MOST_IN_STEP], q[MOST_IN_STEP], a[MOST_IN_STEP];
  EACH r2[j] = r[j] * r[j];
#if LANES == 16
  EACH a[j] = FMA(SPLAT(0x1.5555bap-5f), r[j], SPLAT(0x1.5554b6p-3f));
  EACH q[j] = FMA(SPLAT(0x1.6c5586p-10f), r[j], SPLAT(0x1.1223aap-7f));
  EACH q[j] = FMA(q[j], r2[j], a[j]);
#else
  V r4[MOST_IN_STEP], b[MOST_IN_STEP];
  EACH r4[j] = r2[j] * r2[j];
  EACH a[j] = FMA(SPLAT(0x1.27e52acd924ebp-22), r[j], SPLAT(0x1.71ddf931f092ap-19));
  EACH b[j] = FMA(SPLAT(0x1.a01a018323ed8p-16), r[j], SPLAT(0x1.a01a01af81bb0p-13));
  EACH q[j] = FMA(SPLAT(0x1.1ef5e371b61cbp-29), r[j], SPLAT(0x1.af5d60d347e0ep-26));
  EACH q[j] = FMA(q[j], r4[j], FMA(a[j], r2[j], b[j]));
  EACH a[j] = FMA(SPLAT(0x1.6c16c16c1ccb3p-10), r[j], SPLAT(0x1.111111110f7d1p-7));
  EACH b[j] = FMA(SPLAT(0x1.5555555555549p-5), r[j], SPLAT(0x1.5555555555559p-3));
  EACH q[j] = FMA(q[j], r4[j], FMA(a[j], r2[j], b[j]));
#endif
  EACH q[j] = FMA(q[j], r[j], SPLAT(0.5));
  EACH p[j] = FMA(q[j], r2[j], r[j]);
}

/// n = y·times/ln 2 rounded, and 2^(n + raise), which is to be a normal number. `times` is a power of 2.
INLINE void NAME(split)(const int count, const V *y, const REAL times, const int raise, V *n, V *power) {
  const V rounder = SPLAT(ROUNDER + (REAL)(EXPONENT_BIAS + raise));
  V shifted[MOST_IN_STEP];
  EACH shifted[j] = FMA(y[j], SPLAT(times * LOG2E), rounder);
  EACH n[j] = shifted[j] - rounder;
  EACH power[j] = (V)((VI)shifted[j] << FRACTION_BITS);
}

INLINE V NAME(at_least)(V x, V bound) { return SELECT(bound > x, bound, x); }
INLINE V NAME(at_most)(V x, V bound) { return SELECT(bound < x, bound, x); }

/// For the results of sigmoid at x, which is within its bounds, plus `low`: q = 1/(s + 1 + p) and the rest relative to it,
/// where exp(−x) = (1 + p)/s. `low` may be null.
INLINE void NAME(sigmoid_parts)(const int count, const V *x, const V *low, V *raised, V *q, V *rest) {
  V n[MOST_IN_STEP], p[MOST_IN_STEP], d[MOST_IN_STEP], d_low[MOST_IN_STEP];
  NAME(split)(count, x, 1, RAISE, n, raised);
  EACH p[j] = FMA(n[j], SPLAT(LN2_HIGH), -x[j]);
  EACH p[j] = FMA(n[j], SPLAT(LN2_LOW), p[j]);
  if (low) EACH p[j] = p[j] - low[j];
  NAME(expm1_near_zero)(count, p, p);
  V whole[MOST_IN_STEP];
  EACH whole[j] = FMA(raised[j], DOWN, SPLAT(1));
  EACH d[j] = whole[j] + p[j];
  EACH q[j] = 1 / d[j];
  EACH d_low[j] = (whole[j] - d[j]) + p[j];
  EACH d_low[j] = d_low[j] + FMA(raised[j], DOWN, 1 - whole[j]);
  EACH rest[j] = FMA(-q[j], d[j], SPLAT(1)) - q[j] * d_low[j];
}

/// 1/(1 + exp(−x)) = s/(s + 1 + p), where exp(−x) = (1 + p)/s.
///
/// Of `count` vectors in step, so that their operations fill each other's waits, in place.
INLINE void NAME(sigmoids_in_step)(const int count, V *x) {
  V raised[MOST_IN_STEP], q[MOST_IN_STEP], rest[MOST_IN_STEP];
  EACH x[j] = NAME(at_least)(NAME(at_most)(x[j], SPLAT(SIGMOID_MOST)), SPLAT(EXP_LEAST));
  NAME(sigmoid_parts)(count, x, 0, raised, q, rest);
  EACH q[j] = q[j] * DOWN * raised[j];
  EACH x[j] = FMA(rest[j], q[j], q[j]);
}

/// From e = exp(−2|x|) = s·(1 + p): (1 − e)/(1 + e) with x's sign.
INLINE void NAME(tanhs_in_step)(const int count, V *x) {
  V s[MOST_IN_STEP], n[MOST_IN_STEP], p[MOST_IN_STEP], d[MOST_IN_STEP], d_low[MOST_IN_STEP], q[MOST_IN_STEP];
  EACH p[j] = NAME(at_least)(NAME(minus_magnitude)(x[j]), SPLAT(TANH_LEAST / 2));
  NAME(split)(count, p, 2, 0, n, s);
  EACH p[j] = FMA(n[j], SPLAT(-LN2), p[j] + p[j]);
  NAME(expm1_near_zero)(count, p, p);
  V inverse[MOST_IN_STEP], rest[MOST_IN_STEP];
  EACH d[j] = FMA(s[j], p[j], 1 + s[j]);
  EACH inverse[j] = 1 / d[j];
  EACH q[j] = FMA(-s[j], p[j], 1 - s[j]);
  EACH d_low[j] = FMA(s[j], p[j], (1 - d[j]) + s[j]);
  EACH q[j] = q[j] * inverse[j];
  // 1 − e is 2 − d − d_low: what rounding it has lost is seen here.
  EACH rest[j] = FMA(-q[j], d[j], 2 - d[j]) - FMA(q[j], d_low[j], d_low[j]);
  EACH x[j] = NAME(with_sign_of)(FMA(rest[j], inverse[j], q[j]), x[j]);
}

INLINE_WHERE_SMALL V NAME(sigmoid)(V x) {
  NAME(sigmoids_in_step)(1, &x);
  return x;
}

INLINE_WHERE_SMALL V NAME(tanh)(V x) {
  NAME(tanhs_in_step)(1, &x);
  return x;
}

#undef EACH

/// Of `count` vectors in place, IN_STEP at a time.
INLINE void NAME(sigmoids)(const int count, V *x) {
  const int in_step = IN_STEP;
  UNROLL for (int i = 0; i + in_step <= count; i += in_step) {
    if (in_step > 1) NAME(sigmoids_in_step)(in_step, x + i);
    else x[i] = NAME(sigmoid)(x[i]);
  }
  if (count % in_step) NAME(sigmoids_in_step)(count % in_step, x + count / in_step * in_step);
}

INLINE void NAME(tanhs)(const int count, V *x) {
  const int in_step = IN_STEP;
  UNROLL for (int i = 0; i + in_step <= count; i += in_step) {
    if (in_step > 1) NAME(tanhs_in_step)(in_step, x + i);
    else x[i] = NAME(tanh)(x[i]);
  }
  if (count % in_step) NAME(tanhs_in_step)(count % in_step, x + count / in_step * in_step);
}

/// exp(y) for y <= 0, as 2^n·(1 + p), the power raised.
INLINE V NAME(take_apart)(V y, V *raised) {
  V n, r;
  y = NAME(at_least)(y, SPLAT(EXP_LEAST));
  NAME(split)(1, &y, 1, RAISE, &n, raised);
  r = FMA(n, SPLAT(-LN2_LOW), FMA(n, SPLAT(-LN2_HIGH), y));
  NAME(expm1_near_zero)(1, &r, &r);
  return r;
}

/// exp(y) for y <= 0.
INLINE_WHERE_SMALL V NAME(exp)(V y) {
  V raised, p = NAME(take_apart)(y, &raised);
  return FMA(raised, p, raised) * DOWN;
}

/// exp(y) − 1 for y <= 0.
INLINE_WHERE_SMALL V NAME(expm1)(V y) {
  V raised, p = NAME(take_apart)(y, &raised);
  V s = raised * DOWN;
  return FMA(s, p, s - 1);
}

/// exp(x) for any x.
OUTLINE V NAME(exp_of_any)(V x) {
  V y = NAME(at_least)(NAME(at_most)(x, SPLAT(EXP_MOST)), SPLAT(EXP_LEAST));
  // Large powers are lowered as small ones are raised.
  const V rounder = SELECT(y > 0, SPLAT(ROUNDER + (REAL)(EXPONENT_BIAS - RAISE)), SPLAT(ROUNDER + (REAL)(EXPONENT_BIAS + RAISE)));
  V shifted = FMA(y, SPLAT(LOG2E), rounder);
  V n = shifted - rounder;
  V power = (V)((VI)shifted << FRACTION_BITS);
  V p = FMA(n, SPLAT(-LN2_LOW), FMA(n, SPLAT(-LN2_HIGH), y));
  NAME(expm1_near_zero)(1, &p, &p);
  return FMA(power, p, power) * SELECT(y > 0, 1 / DOWN, DOWN);
}

/// x·sigmoid(y + y_low), where y is x or grows with it so fast that the result is 0 below `least`.
INLINE V NAME(times_sigmoid)(V x, REAL least, V y, const V *y_low) {
  V raised, q, rest;
  y = NAME(at_least)(NAME(at_most)(y, SPLAT(SIGMOID_MOST)), SPLAT(SILU_LEAST));
  NAME(sigmoid_parts)(1, &y, y_low, &raised, &q, &rest);
  V g = FMA(rest, q, q) * raised;
  x = NAME(at_least)(x, SPLAT(least));
  return SELECT(x > 0, x * (g * DOWN), x * g * DOWN);
}

OUTLINE V NAME(silu)(V x) { return NAME(times_sigmoid)(x, SILU_LEAST, x, 0); }

/// The tanh form of gelu: x·sigmoid(y) with y = x·(K0 + K1·x²), which is kept as a sum of two numbers.
OUTLINE V NAME(gelu_tanh)(V x) {
#if LANES == 16
  const V k0 = SPLAT(0x1.98848p+0f), k0_low = SPLAT(-0x1.6615e4p-19f), k1 = SPLAT(0x1.2444f2p-4f), k1_low = SPLAT(0x1.49b16ap-29f);
#else
  const V k0 = SPLAT(0x1.9884533d4368p+0), k0_low = SPLAT(-0x1.7b9781a61d7fap-47), k1 = SPLAT(0x1.2444f2a4d8b4bp-4), k1_low = SPLAT(-0x1.6c843a29d1c7p-61);
#endif
  V b = NAME(at_least)(NAME(at_most)(x, SPLAT(GELU_TANH_MOST)), SPLAT(-GELU_TANH_MOST));
  V square = b * b;
  V square_low = FMA(b, b, -square);
  V c = FMA(k1, square, k0);
  V c_low = FMA(k1, square_low, FMA(k1_low, square, FMA(k1, square, k0 - c) + k0_low));
  V y = b * c;
  V y_low = FMA(b, c_low, FMA(b, c, -y));
  return NAME(times_sigmoid)(x, -GELU_TANH_MOST, y, &y_low);
}

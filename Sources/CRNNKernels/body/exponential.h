// exp and its kin from IEEE operations alone, one sequence for every instruction set.
//
// exp(y) = s·(1 + p) with s = 2^n, n = y/ln 2 rounded, p = expm1(y − n·ln 2), |y − n·ln 2| <= ln(2)/2. The polynomials
// are minimax fits of relative error 2^-26 (float32) and 2^-61 (float64).

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
#define UP SPLAT(0x1p32f)
#define DOWN SPLAT(0x1p-32f)
#define EXP_LEAST -104.0f
#define TANH_LEAST -19.0f
#else
#define LOG2E 0x1.71547652b82fep+0
#define LN2 0x1.62e42fefa39efp-1
#define LN2_HIGH 0x1.62e42fefa3000p-1
#define LN2_LOW 0x1.3de6af278ece6p-42
#define FRACTION_BITS 52
#define EXPONENT_BIAS 1023
#define ROUNDER 0x1.8p52
#define RAISE 128
#define UP SPLAT(0x1p128)
#define DOWN SPLAT(0x1p-128)
#define EXP_LEAST -746.0
#define TANH_LEAST -40.0
#endif

/// expm1(r) − r for |r| <= ln(2)/2.
INLINE V NAME(expm1_tail)(V r) {
  V r2 = r * r;
#if LANES == 16
  V a = FMA(SPLAT(0x1.5555bap-5f), r, SPLAT(0x1.5554b6p-3f));
  V b = FMA(SPLAT(0x1.6c5586p-10f), r, SPLAT(0x1.1223aap-7f));
  V q = FMA(b, r2, a);
#else
  V r4 = r2 * r2;
  V a = FMA(SPLAT(0x1.5555555555549p-5), r, SPLAT(0x1.5555555555559p-3));
  V b = FMA(SPLAT(0x1.6c16c16c1ccb3p-10), r, SPLAT(0x1.111111110f7d1p-7));
  V c = FMA(SPLAT(0x1.a01a018323ed8p-16), r, SPLAT(0x1.a01a01af81bb0p-13));
  V d = FMA(SPLAT(0x1.27e52acd924ebp-22), r, SPLAT(0x1.71ddf931f092ap-19));
  V e = FMA(SPLAT(0x1.1ef5e371b61cbp-29), r, SPLAT(0x1.af5d60d347e0ep-26));
  V q = FMA(FMA(e, r4, FMA(d, r2, c)), r4, FMA(b, r2, a));
#endif
  return FMA(q, r, SPLAT(0.5)) * r2;
}

/// exp(y) = s·(1 + p) with p = r + tail.
#define EXPONENTIAL NAME(exponential)
typedef struct {
  V r, tail, p;
  /// s·2^raise, with which it is a normal number.
  V raised;
} EXPONENTIAL;

/// Takes exp(y) apart; `least` <= y <= 0, or what is less counts as `least`. For tanh, to which exp(y) matters ever
/// less the larger n is, ln 2 in one piece will do.
INLINE EXPONENTIAL NAME(take_apart)(V y, V least, const int raise, const bool for_tanh) {
  const V rounder = SPLAT(ROUNDER + (REAL)(EXPONENT_BIAS + raise));
  y = SELECT(y < least, least, y);
  V shifted = FMA(y, SPLAT(LOG2E), rounder);
  V n = shifted - rounder;
  EXPONENTIAL e;
  e.r = for_tanh ? FMA(n, SPLAT(-LN2), y) : FMA(n, SPLAT(-LN2_LOW), FMA(n, SPLAT(-LN2_HIGH), y));
  e.tail = NAME(expm1_tail)(e.r);
  e.p = e.r + e.tail;
  e.raised = (V)((VI)shifted << FRACTION_BITS);
  return e;
}

/// (n + n_low)/(d + d_low) to little more than half an ulp, where each low part is at most an ulp of its high part and
/// 1 <= d <= 2.
INLINE V NAME(divide)(V n, V n_low, V d, V d_low) {
  V q = n / d;
  V rest = FMA(-q, d_low, FMA(-q, d, n) + n_low);
  // 1/d to within a tenth is enough for the correction.
  return FMA(rest, FMA(d, SPLAT(-0.5), SPLAT(1.45)), q);
}

/// 1/(1 + exp(−x)). From e = exp(−|x|): 1/(1 + e), below zero e/(1 + e).
INLINE_WHERE_SMALL V NAME(sigmoid)(V x) {
  EXPONENTIAL e = NAME(take_apart)(NAME(minus_magnitude)(x), SPLAT(EXP_LEAST), RAISE, false);
  V s = e.raised * DOWN;
  V g = e.p + 1;
  V g_low = e.p - (g - 1);
  V d = FMA(s, g, SPLAT(1));
  V d_low = FMA(s, g_low, FMA(s, g, 1 - d));
  V q = NAME(divide)(SELECT(x < 0, g, SPLAT(1)), SELECT(x < 0, g_low, SPLAT(0)), d, d_low);
  return q * SELECT(x < 0, e.raised, UP) * DOWN;
}

/// From e = exp(−2|x|): (1 − e)/(1 + e) with x's sign.
INLINE_WHERE_SMALL V NAME(tanh)(V x) {
  EXPONENTIAL e = NAME(take_apart)(NAME(minus_magnitude)(x + x), SPLAT(TANH_LEAST), 0, true);
  V s = e.raised;
  V one_less_s = 1 - s;
  V d = FMA(s, e.p, 1 + s);
  V d_low = FMA(s, e.p, (1 - d) + s);
  V n = FMA(-s, e.p, one_less_s);
  V n_low = FMA(-s, e.tail, FMA(-s, e.r, one_less_s - n));
  return NAME(with_sign_of)(NAME(divide)(n, n_low, d, d_low), x);
}

/// exp(y) for y <= 0.
INLINE_WHERE_SMALL V NAME(exp)(V y) {
  EXPONENTIAL e = NAME(take_apart)(y, SPLAT(EXP_LEAST), RAISE, false);
  return FMA(e.raised, e.p, e.raised) * DOWN;
}

/// exp(y) − 1 for y <= 0.
INLINE_WHERE_SMALL V NAME(expm1)(V y) {
  EXPONENTIAL e = NAME(take_apart)(y, SPLAT(EXP_LEAST), RAISE, false);
  V s = e.raised * DOWN;
  return FMA(s, e.p, s - 1);
}

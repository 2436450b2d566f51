// log for finite positive normal numbers, from IEEE operations alone.
//
// x = m·2^n with m in [√½, √2), f = m − 1, t = f/(2 + f): log m = 2·atanh t = f − t·(f − R) with R = t²·polynomial(t²),
// a minimax fit of relative error 2^-36 (float32) and 2^-58 (float64).

/// Less n0·log 2.
INLINE V NAME(log_less)(V x, V n0) {
#if LANES == 16
  const VI half_root = (VI)0x3f3504f3;
#else
  const VI half_root = (VI)0x3fe6a09e667f3bcdLL;
#endif
  VI exponent = ((VI)x - half_root) >> FRACTION_BITS;
  V n = __builtin_convertvector(exponent, V) - n0;
  V f = (V)((VI)x - (exponent << FRACTION_BITS)) - 1;
  V t = f / (f + 2);
  V z = t * t;
#if LANES == 16
  V a = FMA(SPLAT(0x1.999a7cp-2f), z, SPLAT(0x1.555554p-1f));
  V b = FMA(SPLAT(0x1.e2fddcp-3f), z, SPLAT(0x1.2438a8p-2f));
  V r = FMA(b, z * z, a) * z;
#else
  V w = z * z;
  V a = FMA(SPLAT(0x1.999999997fb2ep-2), z, SPLAT(0x1.5555555555593p-1));
  V b = FMA(SPLAT(0x1.c71c51e7d9ab4p-3), z, SPLAT(0x1.2492494217c87p-2));
  V c = FMA(SPLAT(0x1.39a0f47485716p-3), z, SPLAT(0x1.7466463252356p-3));
  V r = FMA(FMA(FMA(SPLAT(0x1.2f0d93ef241d0p-3), w, c), w, b), w, a) * z;
#endif
  // With h = f²/2: log m = f − (h − t·(h + R)).
  V h = f * f * SPLAT(0.5);
  V tail = FMA(t, h + r, n * SPLAT(LN2_LOW));
  V result = FMA(n, SPLAT(LN2_HIGH), f - (h - tail));
  return SELECT(x == x, result, x);
}

INLINE_WHERE_SMALL V NAME(log)(V x) { return NAME(log_less)(x, SPLAT(0)); }

/// log(1 + e) for 0 <= e <= 1.
INLINE V NAME(log1p)(V e) {
  V u = e + 1;
  return NAME(log)(u) - ((u - 1) - e) / u;
}

/// log(x) for any x.
OUTLINE V NAME(log_of_any)(V x) {
#if LANES == 16
  const V least = SPLAT(0x1p-126f), up = SPLAT(0x1p24f), raised = SPLAT(24);
#else
  const V least = SPLAT(0x1p-1022), up = SPLAT(0x1p54), raised = SPLAT(54);
#endif
  const V infinity = SPLAT(__builtin_inf());
  V y = SELECT(x < least, x * up, x);
  V result = SELECT(x < infinity, NAME(log_less)(y, SELECT(x < least, raised, SPLAT(0))), x);
  return SELECT(x > 0, result, SELECT(x == 0, -infinity, SPLAT(__builtin_nan(""))));
}

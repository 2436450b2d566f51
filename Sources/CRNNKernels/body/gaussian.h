// x·Φ(x), the erf form of gelu, from IEEE operations alone.
//
// With a = |x| and w = 1/(a + 4), a·Φ(−a) = a·w·F(w)·exp(−a²/2). F(w) = (a + 4)·erfc(a/√2)·exp(a²/2)/2 is a polynomial in
// w − GELU_CENTRE of relative error 2^-28 (float32) and 2^-58 (float64), for centres at which F is nearly a real.

#if LANES == 16
#define GELU_MOST 14.5f
#define GELU_CENTRE 0x1.38p-3f
#define GELU_COEFFICIENTS                                                                                              \
  {0x1.d158f2p-1f, 0x1.9d0112p+2f, 0x1.0e1936p+5f, 0x1.efdec4p+6f, 0x1.0ca0aap+8f, 0x1.821df4p+5f, -0x1.6ecc2p+10f,    \
   -0x1.092574p+11f, 0x1.0b99fap+13f, 0x1.f3e7a4p+13f, -0x1.91ea2p+15f}
#else
#define GELU_MOST 38.75
#define GELU_CENTRE 0x1.164p-3
#define GELU_COEFFICIENTS                                                                                              \
  {0x1.9f51b69a6f0fcp-1, 0x1.5bf1dd5ee689ap+2, 0x1.c114a4b90cd5p+4, 0x1.aa10c40f23454p+6, 0x1.030a494ad5807p+8,        \
   0x1.66b4fa28f8c3ap+7, -0x1.2264677585c74p+10, -0x1.82f0dbe42f6c5p+11, 0x1.44c233fe60b44p+12,                        \
   0x1.c33f4df3bf19fp+14, -0x1.1df7054e4441dp+15, -0x1.052881e1814f2p+18, 0x1.c1a0fac664f35p+18,                       \
   0x1.2b627d11f9e61p+21, -0x1.bdef84105b7eep+22, -0x1.1dadfcd11a8bap+24, 0x1.ac13426ebc454p+26,                       \
   0x1.3fab589aa9a7cp+25, -0x1.5ee8172675107p+30, 0x1.01e728faab36ep+31, 0x1.ae0bbe82a398dp+33,                        \
   -0x1.5c2d5e57ead52p+35, -0x1.234aa4c13b253p+36, 0x1.6dccaa5908c02p+38}
#endif

OUTLINE V NAME(gelu)(V x) {
  V a = NAME(at_most)(NAME(magnitude)(x), SPLAT(GELU_MOST));
  // exp(−a²/2) = 2^n·(1 + p), with what rounding a² has lost.
  V square = a * a;
  V lost = FMA(a, a, -square);
  V y = square * SPLAT(-0.5);
  V n, raised, p;
  NAME(split)(1, &y, 1, RAISE, &n, &raised);
  p = FMA(n, SPLAT(-LN2_LOW), FMA(n, SPLAT(-LN2_HIGH), y));
  p = FMA(lost, SPLAT(-0.5), p);
  NAME(expm1_near_zero)(1, &p, &p);
  // w, and by how much of itself it is too small.
  V d = a + 4;
  V w = 1 / d;
  V rest = FMA(-w, d, SPLAT(1)) - w * ((4 - d) + a);
  static const REAL coefficients[] = GELU_COEFFICIENTS;
  const int degree = sizeof coefficients / sizeof *coefficients - 1;
  V t = w - SPLAT(GELU_CENTRE), f1 = SPLAT(coefficients[degree]), f0 = SPLAT(coefficients[0]);
  UNROLL for (int i = degree - 1; i > 0; i--) f1 = FMA(f1, t, SPLAT(coefficients[i]));
  V f = FMA(f1, t, f0);
  V f_low = FMA(f1, t, f0 - f);
  // w·F(w) grows with about the power 0.625 + 10.25·w of w.
  V more = FMA(rest * FMA(w, SPLAT(10.25), SPLAT(0.625)), 1 + p, p);
  // The products with what their roundings have lost.
  V product = a * raised * w;
  V product_low = FMA(a * raised, w, -product);
  V whole = product * f;
  V whole_low = FMA(product, f_low, FMA(product_low, f, FMA(product, f, -whole)));
  V tail = (whole + FMA(whole, more, whole_low)) * DOWN;
  return SELECT(x < 0, -tail, x - tail);
}

#undef GELU_MOST
#undef GELU_CENTRE
#undef GELU_COEFFICIENTS

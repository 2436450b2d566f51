// The vector type of one element type: 64 bytes on every instruction set, whatever registers the compiler makes of it,
// so that packed weights and results look the same everywhere.
//
// Included with REAL, INTEGER, LANES, SUFFIX and ISA defined. Only IEEE operations of one rounding are used on these
// types, and fused ones only where they are written: the results do not depend on the instruction set.

#define PASTE_(name, isa, suffix) name##_##isa##_##suffix
#define PASTE(name, isa, suffix) PASTE_(name, isa, suffix)
#define NAME(name) PASTE(name, ISA, SUFFIX)
#define V NAME(vector)
#define VI NAME(integers)
// Inlined without optimisation, the bodies have a place on the stack for every value of every copy: megabytes a frame.
#ifdef __OPTIMIZE__
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef REAL V __attribute__((ext_vector_type(LANES)));
typedef INTEGER VI __attribute__((ext_vector_type(LANES)));

#ifdef FMA_IS_A_CALL
#define INLINE_WHERE_SMALL OUTLINE
#define FMA(a, b, c) NAME(fma)((a), (b), (c))
#else
#define INLINE_WHERE_SMALL INLINE
#define FMA(a, b, c) __builtin_elementwise_fma((a), (b), (c))
#endif
#define SPLAT(x) ((V)(REAL)(x))
#define OUTLINE static __attribute__((noinline))
/// Lane by lane, a where the comparison holds, else b.
#define SELECT(condition, a, b) ((condition) ? (a) : (b))
#define UNROLL _Pragma("clang loop unroll(full)")

#define SIGN_BIT ((VI)(INTEGER)(1ull << (sizeof(REAL) * 8 - 1)))

#ifdef FMA_IS_A_CALL
/// One call to the C library a lane, which is too much code to repeat at each use.
OUTLINE V NAME(fma)(V a, V b, V c) {
  for (int lane = 0; lane < LANES; lane++) c[lane] = __builtin_elementwise_fma(a[lane], b[lane], c[lane]);
  return c;
}
#endif

INLINE V NAME(minus_magnitude)(V x) { return (V)((VI)x | SIGN_BIT); }
INLINE V NAME(magnitude)(V x) { return (V)((VI)x & ~SIGN_BIT); }
INLINE V NAME(with_sign_of)(V x, V sign) { return (V)(((VI)x & ~SIGN_BIT) | ((VI)sign & SIGN_BIT)); }

/// Every NaN as the same NaN: which operand's payload survives an operation differs between processors.
INLINE V NAME(canonical)(V x) {
#ifdef X_UNLESS_NAN
  return X_UNLESS_NAN(x, SPLAT(__builtin_nan("")));
#else
  return SELECT(x != x, SPLAT(__builtin_nan("")), x);
#endif
}

/// Vector number `i` of weights. Widening a half is exact.
INLINE V NAME(weight)(const rnnkit_weights kept, const void *weights, ptrdiff_t i) {
#if defined(KEEPS_HALVES) && LANES == 16
  typedef uint16_t bits __attribute__((ext_vector_type(LANES)));
  typedef _Float16 halves __attribute__((ext_vector_type(LANES)));
  if (kept == RNNKIT_BFLOAT16) return (V)(__builtin_convertvector(((const bits *)weights)[i], VI) << 16);
  if (kept == RNNKIT_FLOAT16) return __builtin_convertvector(((const halves *)weights)[i], V);
#endif
  return ((const V *)weights)[i];
}

/// Where vector number `i` of weights is.
INLINE const void *NAME(weights_at)(const rnnkit_weights kept, const void *weights, ptrdiff_t i) {
  return (const char *)weights + i * (ptrdiff_t)(kept == RNNKIT_REALS ? sizeof(V) : LANES * sizeof(uint16_t));
}

/// Does `visit(kept)` with how weights are kept as a constant.
#if defined(KEEPS_HALVES)
#define FOR_KEPT(runtime, visit)                                                                                       \
  if (LANES == 8 || (runtime) == RNNKIT_REALS) visit(RNNKIT_REALS)                                                     \
  else if ((runtime) == RNNKIT_FLOAT16) visit(LANES == 16 ? RNNKIT_FLOAT16 : RNNKIT_REALS)                             \
  else visit(LANES == 16 ? RNNKIT_BFLOAT16 : RNNKIT_REALS)
#else
#define FOR_KEPT(runtime, visit) visit(RNNKIT_REALS)
#endif

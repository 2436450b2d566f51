// Activations of a vector, and of rows of values.

/// Those that have a call of their own, so that the others need none.
OUTLINE V NAME(apply_called)(const rnnkit_activation *activation, V x) {
  switch (activation->function) {
  case RNNKIT_SILU: return NAME(silu)(x);
  case RNNKIT_GELU: return NAME(gelu)(x);
  case RNNKIT_GELU_TANH: return NAME(gelu_tanh)(x);
  case RNNKIT_CLIP: return NAME(at_most)(NAME(at_least)(x, SPLAT(activation->alpha)), SPLAT(activation->beta));
  case RNNKIT_EXP: return NAME(exp_of_any)(x);
  case RNNKIT_LOG: return NAME(log_of_any)(x);
  case RNNKIT_SQRT: return __builtin_elementwise_sqrt(x);
  case RNNKIT_ABS: return NAME(magnitude)(x);
  default: return x;
  }
}

OUTLINE V NAME(apply)(const rnnkit_activation *activation, V x) {
  V alpha = SPLAT(activation->alpha), beta = SPLAT(activation->beta), zero = SPLAT(0), one = SPLAT(1);
  switch (activation->function) {
  case RNNKIT_SIGMOID: return NAME(sigmoid)(x);
  case RNNKIT_TANH: return NAME(tanh)(x);
  case RNNKIT_RELU: return SELECT(x <= zero, zero, x);
  case RNNKIT_HARD_SIGMOID: {
    V y = FMA(alpha, x, beta);
    return SELECT(y <= zero, zero, SELECT(y > one, one, y));
  }
  case RNNKIT_LEAKY_RELU: return SELECT(x < zero, alpha * x, x);
  case RNNKIT_THRESHOLDED_RELU: return SELECT(x <= alpha, zero, x);
  case RNNKIT_SCALED_TANH: return alpha * NAME(tanh)(beta * x);
  case RNNKIT_ELU: return SELECT(x < zero, alpha * NAME(expm1)(NAME(minus_magnitude)(x)), x);
  case RNNKIT_SOFTSIGN: {
    V size = NAME(magnitude)(x);
    // x / (1 + |x|), whose limit an infinity divided by itself would miss.
    return SELECT(size == SPLAT(__builtin_inf()), NAME(with_sign_of)(one, x), x / (size + one));
  }
  case RNNKIT_SOFTPLUS: {
    V e = NAME(exp)(NAME(minus_magnitude)(x));
    return SELECT(x <= zero, zero, x) + NAME(log1p)(e);
  }
  case RNNKIT_AFFINE: return FMA(alpha, x, beta);
  default: return NAME(apply_called)(activation, x);
  }
}

/// softmax or log_softmax of a row. Sums go lane by lane over the vectors, then over the lanes, both ascending.
static void NAME(softmax)(bool logarithm, REAL *row, ptrdiff_t count) {
  REAL most = row[0];
  for (ptrdiff_t i = 1; i < count; i++) most = row[i] > most || most != most ? row[i] : most;
  V sums = SPLAT(0);
  for (ptrdiff_t i = 0; i < count; i += LANES) {
    V e = NAME(exp)(*(V *)(row + i) - SPLAT(most));
    for (ptrdiff_t lane = count - i; lane < LANES; lane++) e[lane] = 0;
    sums += e;
    if (!logarithm) *(V *)(row + i) = e;
  }
  REAL sum = sums[0];
  for (int lane = 1; lane < LANES; lane++) sum += sums[lane];
  V log_sum = NAME(log)(SPLAT(sum));
  for (ptrdiff_t i = 0; i < count; i += LANES) {
    V x = *(V *)(row + i);
    *(V *)(row + i) = NAME(canonical)(logarithm ? x - SPLAT(most) - log_sum : x / SPLAT(sum));
  }
}

static void NAME(activate)(rnnkit_activation activation, void *values, ptrdiff_t count, ptrdiff_t rows,
                           ptrdiff_t stride) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    REAL *row = (REAL *)values + r * stride;
    if (activation.function == RNNKIT_SOFTMAX || activation.function == RNNKIT_LOG_SOFTMAX) {
      NAME(softmax)(activation.function == RNNKIT_LOG_SOFTMAX, row, count);
      continue;
    }
    for (ptrdiff_t i = 0; i < count; i += LANES) {
      V *x = (V *)(row + i);
      *x = NAME(canonical)(activation.function == RNNKIT_IDENTITY ? *x : NAME(apply)(&activation, *x));
    }
  }
}

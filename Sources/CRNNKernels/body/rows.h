// Norms of rows, and what is made of all steps of a sequence.

/// How many steps a sum over time takes before it is added to the total.
#define STEPS_SUMMED 32

INLINE REAL NAME(root)(REAL x) { return sizeof(REAL) == 4 ? (REAL)__builtin_sqrtf((float)x) : (REAL)__builtin_sqrt((double)x); }

/// The lanes' sum, in ascending order.
INLINE REAL NAME(sum_of_lanes)(V sums) {
  REAL sum = sums[0];
  for (int lane = 1; lane < LANES; lane++) sum += sums[lane];
  return sum;
}

/// The sum of a row's elements less `mean`, or of their squares, lane by lane, each from +0.
INLINE V NAME(lane_sums)(const REAL *row, ptrdiff_t count, REAL mean, bool squares) {
  V sums = SPLAT(0);
  for (ptrdiff_t i = 0; i < count; i += LANES) {
    V x = NAME(take)(row + i, count - i, false);
    if (!squares) {
      sums += x;
      continue;
    }
    x -= SPLAT(mean);
    for (ptrdiff_t lane = count - i; lane < LANES; lane++) x[lane] = 0;
    sums = FMA(x, x, sums);
  }
  return sums;
}

/// Rows whose elements are normalized together.
static void NAME(normalize_together)(const rnnkit_norm *norm, const REAL *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                     REAL *out, ptrdiff_t out_stride) {
  const REAL *scale = norm->scale, *shift = norm->shift;
  const REAL number = (REAL)norm->count * (REAL)rows;
  REAL mean = 0;
  V sums = SPLAT(0);
  if (norm->kind != RNNKIT_RMS_NORM) {
    for (ptrdiff_t r = 0; r < rows; r++) sums += NAME(lane_sums)(x + r * x_stride, norm->count, 0, false);
    mean = NAME(sum_of_lanes)(sums) / number;
  }
  sums = SPLAT(0);
  for (ptrdiff_t r = 0; r < rows; r++) sums += NAME(lane_sums)(x + r * x_stride, norm->count, mean, true);
  const REAL factor = (REAL)1 / NAME(root)(NAME(sum_of_lanes)(sums) / number + (REAL)norm->eps);
  for (ptrdiff_t r = 0; r < rows; r++) {
    const REAL *row = x + r * x_stride;
    for (ptrdiff_t i = 0; i < norm->count; i += LANES) {
      ptrdiff_t left = norm->count - i;
      V y = (NAME(take)(row + i, left, false) - SPLAT(mean)) * SPLAT(factor);
      y = FMA(y, NAME(take)(scale + i, left, false), NAME(take)(shift + i, left, false));
      NAME(put)(out + r * out_stride + i, left, NAME(canonical)(y));
    }
  }
}

static void NAME(normalize)(const rnnkit_norm *norm, const void *x_, ptrdiff_t x_stride, ptrdiff_t rows, void *out_,
                            ptrdiff_t out_stride) {
  const REAL *x = x_, *mean = norm->mean, *scale = norm->scale, *shift = norm->shift;
  REAL *out = out_;
  if (norm->kind == RNNKIT_GROUP_NORM) return NAME(normalize_together)(norm, x, x_stride, rows, out, out_stride);
  for (ptrdiff_t r = 0; r < rows; r++, x += x_stride, out += out_stride) {
    if (norm->kind != RNNKIT_BATCH_NORM) {
      NAME(normalize_together)(norm, x, 0, 1, out, 0);
      continue;
    }
    for (ptrdiff_t i = 0; i < norm->count; i += LANES) {
      ptrdiff_t left = norm->count - i;
      V y = NAME(take)(x + i, left, false) - NAME(take)(mean + i, left, false);
      y = FMA(y, NAME(take)(scale + i, left, false), NAME(take)(shift + i, left, false));
      NAME(put)(out + i, left, NAME(canonical)(y));
    }
  }
}

/// The larger one; a NaN where there is one.
INLINE V NAME(larger)(V most, V x) { return SELECT((x > most) | (x != x), x, most); }

static void NAME(over_time)(rnnkit_over_time kind, const void *x_, ptrdiff_t x_stride, ptrdiff_t steps, ptrdiff_t count,
                            void *out_, ptrdiff_t out_stride) {
  for (ptrdiff_t i = 0; i < count; i += LANES) {
    const REAL *x = (const REAL *)x_ + i;
    REAL *out = (REAL *)out_ + i;
    ptrdiff_t left = count - i;
    V most = SPLAT(0), total = SPLAT(0);
    if (kind == RNNKIT_LARGEST || kind == RNNKIT_SOFTMAX_OVER_TIME) {
      most = NAME(take)(x, left, false);
      for (ptrdiff_t t = 1; t < steps; t++) most = NAME(larger)(most, NAME(take)(x + t * x_stride, left, false));
    }
    if (kind != RNNKIT_LARGEST) {
      for (ptrdiff_t first = 0; first < steps; first += STEPS_SUMMED) {
        V sum = SPLAT(0);
        for (ptrdiff_t t = first; t < steps && t < first + STEPS_SUMMED; t++) {
          V value = NAME(take)(x + t * x_stride, left, false);
          if (kind == RNNKIT_SOFTMAX_OVER_TIME) {
            value = NAME(exp)(value - most);
            NAME(put)(out + t * out_stride, left, value);
          }
          sum += value;
        }
        total += sum;
      }
    }
    switch (kind) {
    case RNNKIT_SUM: NAME(put)(out, left, NAME(canonical)(total)); break;
    case RNNKIT_MEAN: NAME(put)(out, left, NAME(canonical)(total / SPLAT(steps))); break;
    case RNNKIT_LARGEST: NAME(put)(out, left, NAME(canonical)(most)); break;
    case RNNKIT_SOFTMAX_OVER_TIME:
      for (ptrdiff_t t = 0; t < steps; t++) {
        V value = NAME(take)(out + t * out_stride, left, false);
        NAME(put)(out + t * out_stride, left, NAME(canonical)(value / total));
      }
      break;
    }
  }
}

/// Some queries of one head. Lanes are queries where products with keys are made, and features where values are added up.
static void NAME(attend_together)(const rnnkit_attention *a, const REAL *query, ptrdiff_t queries, ptrdiff_t head, REAL *out,
                                  ptrdiff_t out_stride) {
  const REAL *keys = (const REAL *)a->keys + head * a->size, *values = (const REAL *)a->values + head * a->width;
  REAL *turned = a->scratch, *weights = turned + a->size * RNNKIT_QUERIES;
  const REAL scale = (REAL)a->scale;
  for (ptrdiff_t k = 0; k < a->size; k++) {
    for (ptrdiff_t i = 0; i < RNNKIT_QUERIES; i++) {
      turned[k * RNNKIT_QUERIES + i] = i < queries ? query[i * a->query_stride + head * a->size + k] * scale : 0;
    }
  }
  for (ptrdiff_t j = 0; j < a->steps; j++) {
    const REAL *key = keys + j * a->key_stride;
    for (ptrdiff_t i = 0; i < queries; i += LANES) {
      V total = SPLAT(0);
      for (ptrdiff_t first = 0; first < a->size; first += STEPS_SUMMED) {
        V sum = SPLAT(0);
        for (ptrdiff_t k = first; k < a->size && k < first + STEPS_SUMMED; k++) {
          sum = FMA(NAME(take)(turned + k * RNNKIT_QUERIES + i, LANES, false), SPLAT(key[k]), sum);
        }
        total += sum;
      }
      NAME(put)(weights + j * RNNKIT_QUERIES + i, LANES, total);
    }
  }
  NAME(over_time)(RNNKIT_SOFTMAX_OVER_TIME, weights, RNNKIT_QUERIES, a->steps, queries, weights, RNNKIT_QUERIES);
  for (ptrdiff_t i = 0; i < queries; i++) {
    for (ptrdiff_t c = 0; c < a->width; c += LANES) {
      V total = SPLAT(0);
      for (ptrdiff_t first = 0; first < a->steps; first += STEPS_SUMMED) {
        V sum = SPLAT(0);
        for (ptrdiff_t j = first; j < a->steps && j < first + STEPS_SUMMED; j++) {
          sum = FMA(SPLAT(weights[j * RNNKIT_QUERIES + i]), NAME(take)(values + j * a->value_stride + c, a->width - c, false), sum);
        }
        total += sum;
      }
      NAME(put)(out + i * out_stride + head * a->width + c, a->width - c, NAME(canonical)(total));
    }
  }
}

static void NAME(attend)(const rnnkit_attention *a, void *out_, ptrdiff_t out_stride) {
  for (ptrdiff_t first = 0; first < a->queries; first += RNNKIT_QUERIES) {
    ptrdiff_t left = a->queries - first, queries = left < RNNKIT_QUERIES ? left : RNNKIT_QUERIES;
    for (ptrdiff_t head = 0; head < a->heads; head++) {
      NAME(attend_together)(a, (const REAL *)a->query + first * a->query_stride, queries, head,
                            (REAL *)out_ + first * out_stride, out_stride);
    }
  }
}

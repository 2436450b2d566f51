// Products with packed matrices.
//
// A dot product is cut into blocks of BLOCK; a block is a chain of fused multiply-adds in ascending order from zero;
// sums of blocks are added in ascending order to what the product starts from. Lanes are outputs, so tiling is free to
// follow the registers: no result depends on it.

#define BLOCK 32
/// Rows worked on between two visits to the same weights: their results stay in the first-level cache.
#define ROWS_AT_ONCE 48

/// One block of `rows` rows times `groups`·`panels` panels, all three known when compiled.
INLINE void NAME(tile)(const int rows, const int groups, const int panels, const V *w, ptrdiff_t w_group,
                       ptrdiff_t w_pitch, const REAL *x, ptrdiff_t x_stride, ptrdiff_t length, const REAL *start,
                       ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride, ptrdiff_t pitch) {
  V sums[MAXIMUM_TILE];
  UNROLL for (int i = 0; i < rows * groups * panels; i++) sums[i] = SPLAT(0);
  for (ptrdiff_t k = 0; k < length; k++) {
    V weights[MAXIMUM_TILE];
    UNROLL for (int g = 0; g < groups; g++) {
      UNROLL for (int p = 0; p < panels; p++) weights[g * panels + p] = w[g * w_group + k * w_pitch + p];
    }
    UNROLL for (int r = 0; r < rows; r++) {
      V value = SPLAT(x[r * x_stride + k]);
      UNROLL for (int i = 0; i < groups * panels; i++) {
        sums[r * groups * panels + i] = FMA(weights[i], value, sums[r * groups * panels + i]);
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int g = 0; g < groups; g++) {
      UNROLL for (int p = 0; p < panels; p++) {
        ptrdiff_t at = (g * pitch + p) * LANES;
        *(V *)(out + r * out_stride + at) =
            *(const V *)(start + r * start_stride + at) + sums[(r * groups + g) * panels + p];
      }
    }
  }
}

/// All blocks of `groups` groups over up to ROWS_AT_ONCE rows, taken `tallest` at a time, then by halves.
INLINE void NAME(strip)(const int tallest, const int groups, const int panels, const V *w, ptrdiff_t w_pitch,
                        ptrdiff_t inner, const REAL *x, ptrdiff_t x_stride, ptrdiff_t rows, const REAL *start,
                        ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride, ptrdiff_t pitch) {
  const int middle = tallest > 4 ? (tallest + 1) / 2 : 2;
  for (ptrdiff_t k = 0; k < inner; k += BLOCK) {
    ptrdiff_t length = inner - k < BLOCK ? inner - k : BLOCK;
    ptrdiff_t row = 0;
#define TILES(height)                                                                                                  \
  for (; row + (height) <= rows; row += (height)) {                                                                    \
    NAME(tile)((height), groups, panels, w + k * w_pitch, inner * w_pitch, w_pitch, x + row * x_stride + k, x_stride,  \
               length, start + row * start_stride, start_stride, out + row * out_stride, out_stride, pitch);           \
  }
    if (tallest > 1) TILES(tallest)
    if (tallest > middle) TILES(middle)
    if (tallest > 2 && middle > 2) TILES(2)
    TILES(1)
#undef TILES
    start = out;
    start_stride = out_stride;
  }
}

/// `multiply` for matrices of so many panels a group.
INLINE void NAME(multiply_panels)(const int panels, const rnnkit_matrix *matrix, const REAL *x, ptrdiff_t x_stride,
                                  ptrdiff_t rows, const REAL *start, ptrdiff_t start_stride, REAL *out,
                                  ptrdiff_t out_stride) {
  const V *w = matrix->weights;
  ptrdiff_t inner = matrix->inner, pitch = matrix->pitch, group = 0;
  start += matrix->first * LANES;
  out += matrix->first * LANES;
#define STRIP(tallest, count, first, width)                                                                            \
  NAME(strip)((tallest), (count), (width), w + group * inner * panels + (first), panels, inner, x, x_stride, rows,     \
              start + (group * pitch + (first)) * LANES, start_stride, out + (group * pitch + (first)) * LANES,        \
              out_stride, pitch)
  if (rows == 1) {
    // A single row needs several groups at once to keep enough chains in flight.
    for (; group + SINGLE_GROUPS(panels) <= matrix->groups; group += SINGLE_GROUPS(panels)) {
      STRIP(1, SINGLE_GROUPS(panels), 0, panels);
    }
    if (SINGLE_GROUPS(panels) > 2) {
      for (; group + 2 <= matrix->groups; group += 2) STRIP(1, 2, 0, panels);
    }
  }
  for (; group < matrix->groups; group++) {
    // Registers may hold only some of a group's panels.
    UNROLL for (int first = 0; first < panels; first += WIDEST_TILE) {
      if (panels - first >= WIDEST_TILE) {
        STRIP(TALLEST_TILE(WIDEST_TILE), 1, first, WIDEST_TILE);
      } else {
        STRIP(TALLEST_TILE((panels - first) % WIDEST_TILE), 1, first, (panels - first) % WIDEST_TILE);
      }
    }
  }
#undef STRIP
}

static void NAME(multiply_rows)(const rnnkit_matrix *matrix, const REAL *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                const REAL *start, ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride) {
  switch (matrix->panels) {
  case 1: NAME(multiply_panels)(1, matrix, x, x_stride, rows, start, start_stride, out, out_stride); break;
  case 2: NAME(multiply_panels)(2, matrix, x, x_stride, rows, start, start_stride, out, out_stride); break;
  case 3: NAME(multiply_panels)(3, matrix, x, x_stride, rows, start, start_stride, out, out_stride); break;
  default: NAME(multiply_panels)(4, matrix, x, x_stride, rows, start, start_stride, out, out_stride); break;
  }
}

static void NAME(multiply)(const rnnkit_matrix *matrix, const void *x_, ptrdiff_t x_stride, ptrdiff_t rows,
                           const void *start_, ptrdiff_t start_stride, void *out_, ptrdiff_t out_stride) {
  const REAL *x = x_, *start = start_;
  REAL *out = out_;
  for (ptrdiff_t row = 0; row < rows; row += ROWS_AT_ONCE) {
    ptrdiff_t count = rows - row < ROWS_AT_ONCE ? rows - row : ROWS_AT_ONCE;
    NAME(multiply_rows)(matrix, x + row * x_stride, x_stride, count, start + row * start_stride, start_stride,
                        out + row * out_stride, out_stride);
    if (start_ == out_) continue;
    for (ptrdiff_t r = row; r < row + count; r++) {
      for (ptrdiff_t g = 0; g < matrix->groups; g++) {
        for (ptrdiff_t p = matrix->first + matrix->panels; p < matrix->pitch; p++) {
          ptrdiff_t at = (g * matrix->pitch + p) * LANES;
          *(V *)(out + r * out_stride + at) = *(const V *)(start + r * start_stride + at);
        }
      }
    }
  }
}

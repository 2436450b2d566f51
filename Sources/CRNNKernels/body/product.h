// Products with packed matrices.
//
// A dot product is cut into blocks of BLOCK; a block is a chain of fused multiply-adds in ascending order from zero;
// sums of blocks are added in ascending order to what the product starts from. Lanes are outputs, so tiling is free to
// follow the registers: no result depends on it.

#define BLOCK 32
/// Rows worked on between two visits to the same weights: their results stay in the first-level cache.
#define ROWS_AT_ONCE 48
/// Most groups of a matrix that a single row takes at once.
#define MOST_GROUPS 4

/// sums[block][row][group][panel] over columns `from` to `length` of `blocks` blocks that follow each other, `rows` rows
/// and `count` panels, `panels` in a group, added to what there is where `from` is not 0; `last`, where there is one, are
/// the weights of a last group of two. Counts are known when compiled. `ahead`, where there is one, is fetched meanwhile.
INLINE void NAME(block_sums)(const rnnkit_weights kept, const int blocks, const int rows, const int count,
                             const int panels, const void *w, ptrdiff_t w_group, ptrdiff_t w_pitch, const V *last,
                             const REAL *x, ptrdiff_t x_stride, ptrdiff_t from, ptrdiff_t length, const void *ahead,
                             V *sums) {
  if (from == 0) {
    UNROLL for (int i = 0; i < blocks * rows * count; i++) sums[i] = SPLAT(0);
  }
  for (ptrdiff_t k = from; k < length; k++) {
    if (ahead) __builtin_prefetch((const V *)ahead + k);
    UNROLL for (int b = 0; b < blocks; b++) {
      V weights[MAXIMUM_TILE];
      UNROLL for (int i = 0; i < count; i++) {
        if (last && i >= count - 2) weights[i] = last[(k + b * BLOCK) * 2 + i - (count - 2)];
        else weights[i] = NAME(weight)(kept, w, i / panels * w_group + (k + b * BLOCK) * w_pitch + i % panels);
      }
      UNROLL for (int r = 0; r < rows; r++) {
        V value = SPLAT(x[r * x_stride + k + b * BLOCK]);
        UNROLL for (int i = 0; i < count; i++) {
          V *sum = sums + (b * rows + r) * count + i;
          *sum = FMA(weights[i], value, *sum);
        }
      }
    }
  }
}

/// One block of `rows` rows times `panels` panels.
INLINE void NAME(tile)(const int rows, const int panels, const V *w, ptrdiff_t w_pitch, const REAL *x,
                       ptrdiff_t x_stride, ptrdiff_t length, const void *ahead, const REAL *start,
                       ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride) {
  V sums[MAXIMUM_TILE];
  NAME(block_sums)(RNNKIT_REALS, 1, rows, panels, panels, w, 0, w_pitch, 0, x, x_stride, 0, length, ahead, sums);
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < panels; p++) {
      *(V *)(out + r * out_stride + p * LANES) =
          *(const V *)(start + r * start_stride + p * LANES) + sums[r * panels + p];
    }
  }
}

/// Weights in reals.
OUTLINE void NAME(widen)(rnnkit_weights kept, const void *weights, ptrdiff_t count, V *wide) {
#define WIDEN(kept)                                                                                                    \
  for (ptrdiff_t i = 0; i < count; i++) wide[i] = NAME(weight)((kept), weights, i);
  FOR_KEPT(kept, WIDEN)
#undef WIDEN
}

/// All blocks of panels `first` to `first + panels` of a group over up to ROWS_AT_ONCE rows, taken `tallest` at a time,
/// then by halves. Weights kept as halves are widened once for all rows.
INLINE void NAME(strip)(rnnkit_weights kept, const int tallest, const int first, const int panels, const void *group,
                        ptrdiff_t w_pitch, ptrdiff_t inner, const REAL *x, ptrdiff_t x_stride, ptrdiff_t rows,
                        const REAL *start, ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride) {
  const int middle = tallest > 4 ? (tallest + 1) / 2 : 2;
  V wide[BLOCK * RNNKIT_MAXIMUM_PANELS];
  for (ptrdiff_t k = 0; k < inner; k += BLOCK) {
    ptrdiff_t length = inner - k < BLOCK ? inner - k : BLOCK;
    ptrdiff_t row = 0;
    const V *w = (const V *)group + k * w_pitch;
    // The weights of the next block, a part with each tile, so that their way from a far cache is not waited for.
    const char *ahead = NAME(weights_at)(kept, group, (k + BLOCK) * w_pitch);
    const char *end = NAME(weights_at)(kept, ahead, BLOCK * w_pitch);
    if (kept != RNNKIT_REALS) {
      NAME(widen)(kept, NAME(weights_at)(kept, group, k * w_pitch), length * w_pitch, wide);
      w = wide;
    }
    w += first;
#define TILES(height)                                                                                                  \
  for (; row + (height) <= rows; row += (height), ahead += BLOCK * sizeof(V)) {                                        \
    NAME(tile)((height), panels, w, w_pitch, x + row * x_stride + k, x_stride, length, ahead < end ? ahead : 0,        \
               start + row * start_stride, start_stride, out + row * out_stride, out_stride);                          \
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

/// Adds the product of few rows with `groups` groups, `w_group` vectors from one to the next and `w_pitch` from column
/// to column, to their totals. The last one may be `packed`, which leaves its last totals out.
///
/// Few panels do not keep enough chains in flight: then two blocks are summed side by side.
INLINE void NAME(add_rows)(const rnnkit_weights kept, const bool packed, const int rows, const int groups,
                           const int panels, const void *w, ptrdiff_t w_group, ptrdiff_t w_pitch, ptrdiff_t inner,
                           const REAL *x, ptrdiff_t x_stride, V *totals) {
  const int count = groups * panels - (packed ? panels - 2 : 0), all = rows * count;
  const int blocks = 2 * all <= SINGLE_PANELS ? 2 : 1;
  V sums[MOST_GROUPS * 4];
  ptrdiff_t k = 0;
#define SUM(number, from, to)                                                                                          \
  NAME(block_sums)(kept, (number), rows, count, panels, NAME(weights_at)(kept, w, k * w_pitch), w_group, w_pitch,      \
                   packed ? (const V *)w + (groups - 1) * w_group + k * 2 : 0, x + k, x_stride, (from), (to), 0, sums);
#define ADD(number) UNROLL for (int i = 0; i < (number) * all; i++) totals[i % all] += sums[i];
  for (; k + blocks * BLOCK <= inner; k += blocks * BLOCK) {
    SUM(blocks, 0, BLOCK)
    ADD(blocks)
  }
  if (blocks > 1 && k + BLOCK < inner) {
    // A whole block, and beside it the part of one that is left.
    SUM(2, 0, inner - k - BLOCK)
    SUM(1, inner - k - BLOCK, BLOCK)
    ADD(2)
  } else if (k < inner) {
    SUM(1, 0, inner - k)
    ADD(1)
  }
#undef SUM
#undef ADD
}

/// The same with a single group of reals and rows of no more than a block.
INLINE void NAME(add_short_rows)(const int rows, const int panels, const V *w, ptrdiff_t inner, const REAL *x,
                                 ptrdiff_t x_stride, V *totals) {
  V sums[MOST_GROUPS * 4];
  UNROLL for (int i = 0; i < rows * panels; i++) sums[i] = SPLAT(0);
  for (const REAL *end = x + inner; x != end; x++, w += panels) {
    UNROLL for (int r = 0; r < rows; r++) {
      V value = SPLAT(x[r * x_stride]);
      UNROLL for (int p = 0; p < panels; p++) sums[r * panels + p] = FMA(w[p], value, sums[r * panels + p]);
    }
  }
  UNROLL for (int i = 0; i < rows * panels; i++) totals[i] += sums[i];
}

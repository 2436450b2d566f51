// Products of rows, and what becomes of few rows'.

/// What is done with the totals of few rows.
typedef enum { NAME(store), NAME(rnn), NAME(relu), NAME(lstm), NAME(gru) } NAME(then);

/// Rows and how far apart they are.
typedef struct {
  const REAL *at;
  ptrdiff_t stride;
} NAME(given);

/// The product of `rows` rows with `groups` groups from group `first` on, to `out` or, from registers, into the cell of
/// their units: one row, or several with a single group. Where there is an `input` matrix, its product comes first.
/// `beside` says that the groups lie side by side, `packed` that the last one is, `small` that the matrix is a single
/// group of no more than a block.
INLINE void NAME(row_groups)(const rnnkit_weights kept, const bool beside, const bool packed, const bool small,
                             const int rows, const int groups, const int panels, const NAME(then) then,
                             const rnnkit_matrix *matrix, ptrdiff_t first, const NAME(given) x,
                             const rnnkit_matrix *input, const NAME(given) x_in, const NAME(given) start, REAL *out,
                             const NAME(cells) cells) {
  const bool is_gru = then == NAME(gru), is_rnn = then == NAME(rnn) || then == NAME(relu);
  const int pitch = is_gru ? 4 : panels;
  ptrdiff_t spread = then == NAME(store) ? matrix->pitch : pitch;
  // Of a GRU, whose gates are one more than the panels: first and last are n's two parts.
  V gates[MOST_GROUPS * 4], totals[MOST_GROUPS * 4];
  UNROLL for (int i = 0; i < rows * groups; i++) {
    const V *from = (const V *)(start.at + i / groups * start.stride) + (first + i % groups) * spread;
    if (then == NAME(store)) from += matrix->first;
    UNROLL for (int p = 0; p < pitch; p++) gates[i * pitch + p] = from[p];
  }
  const int count = rows * groups * panels - (packed ? panels - 2 : 0);
  const ptrdiff_t w_group = beside ? panels : matrix->inner * panels, w_pitch = beside ? groups * panels : panels;
  if (input) {
    UNROLL for (int i = 0; i < count; i++) totals[i] = gates[i / panels * pitch + i % panels];
    const V *w = (const V *)input->weights + first * input->inner * panels;
    if (small && input->inner <= BLOCK) {
      NAME(add_short_rows)(rows, panels, w, input->inner, x_in.at, x_in.stride, totals);
    } else {
      NAME(add_rows)(RNNKIT_REALS, packed, rows, groups, panels, w, input->inner * panels, panels, input->inner,
                     x_in.at, x_in.stride, totals);
    }
    UNROLL for (int i = 0; i < count; i++) gates[i / panels * pitch + i % panels] = totals[i];
  }
  UNROLL for (int i = 0; i < count; i++) totals[i] = gates[i / panels * pitch + is_gru + i % panels];
  if (small) {
    NAME(add_short_rows)(rows, panels, matrix->weights, matrix->inner, x.at, x.stride, totals);
  } else {
    NAME(add_rows)(kept, packed, rows, groups, panels,
                   NAME(weights_at)(kept, matrix->weights, first * matrix->inner * panels), w_group, w_pitch,
                   matrix->inner, x.at, x.stride, totals);
  }
  if (then == NAME(store)) {
    V *to = (V *)out + first * spread + matrix->first;
    UNROLL for (int i = 0; i < count; i++) to[i / panels * spread + i % panels] = totals[i];
    return;
  }
  UNROLL for (int i = 0; i < count; i++) gates[i / panels * pitch + is_gru + i % panels] = totals[i];
  NAME(standard_units)(is_rnn ? count : rows * groups, is_rnn ? RNNKIT_RNN : is_gru ? RNNKIT_GRU : RNNKIT_LSTM,
                       then == NAME(relu), packed, gates, cells);
}

/// Groups of so many panels that a single row takes at once: as many as keep enough chains in flight.
INLINE int NAME(groups_at_once)(const int panels) {
  return panels * MOST_GROUPS <= SINGLE_PANELS ? MOST_GROUPS : SINGLE_PANELS / panels > 1 ? SINGLE_PANELS / panels : 1;
}

/// Groups `begin` to `end` of a matrix, the last ones first if `backward`: what was used last is then used first, while
/// a cache still has it. A packed matrix is small and always taken whole.
INLINE void NAME(row)(const rnnkit_weights kept, const int panels, const NAME(then) then, const bool backward,
                      const rnnkit_matrix *matrix, ptrdiff_t begin, ptrdiff_t end, const REAL *x,
                      const rnnkit_matrix *input, const REAL *x_in, const REAL *start, REAL *out, ptrdiff_t hidden,
                      REAL *c, REAL *output) {
  const ptrdiff_t units = then == NAME(rnn) || then == NAME(relu) ? panels * LANES : LANES;
  const int most = NAME(groups_at_once)(panels), together = TOGETHER(panels);
  const bool has_gates = kept == RNNKIT_REALS && (then == NAME(lstm) || then == NAME(gru));
  const ptrdiff_t all = matrix->groups;
#define GROUPS(beside, packed, number)                                                                                 \
  NAME(row_groups)(kept, (beside), (packed), false, 1, (number), panels, then, matrix, first, (NAME(given)){x},        \
                   input, (NAME(given)){x_in}, (NAME(given)){start}, out,                                              \
                   NAME(cells_of_row)(first * units, hidden, x, c, out, output));
  if (together > 1 && has_gates && matrix->together > 1) {
    for (ptrdiff_t part = begin; part < end; part += together) {
      ptrdiff_t first = backward ? begin + end - part - together : part;
      GROUPS(true, false, together)
    }
    return;
  }
  if (PACKS && has_gates && matrix->packed) {
    const ptrdiff_t first = 0;
    if (most > 1 && all == 2) GROUPS(false, true, 2)
    if (most > 2 && all == 3) GROUPS(false, true, 3)
    if (most > 3 && all == 4) GROUPS(false, true, 4)
    return;
  }
  for (ptrdiff_t left = end - begin, count; left > 0; left -= count) {
    count = left < most ? left : most;
    // Rather two and two than three and one.
    if (left == most + 1 && most > 2) count = most - 1;
    ptrdiff_t first = backward ? begin + left - count : end - left;
    if (count == 1) GROUPS(false, false, 1)
    if (most > 1 && count == 2) GROUPS(false, false, 2)
    if (most > 2 && count == 3) GROUPS(false, false, 3)
    if (most > 3 && count == 4) GROUPS(false, false, 4)
  }
#undef GROUPS
}

/// Several rows with matrices of so many panels a group.
INLINE void NAME(rows)(const int panels, const rnnkit_matrix *matrix, const REAL *x, ptrdiff_t x_stride, ptrdiff_t rows,
                       const REAL *start, ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride) {
  const bool packed = PACKS && matrix->packed;
  for (ptrdiff_t group = 0; group < matrix->groups - packed; group++) {
    ptrdiff_t part = group / matrix->together * matrix->together;
    const void *w =
        NAME(weights_at)(matrix->kept, matrix->weights, (part * matrix->inner + group - part) * panels);
    ptrdiff_t at = (group * matrix->pitch + matrix->first) * LANES;
    // Registers may hold only some of a group's panels.
#define STRIP(first, width)                                                                                            \
  NAME(strip)(matrix->kept, TALLEST_TILE(width), (first), (width), w, matrix->together * panels, matrix->inner, x,     \
              x_stride, rows, start + at + (first) * LANES, start_stride, out + at + (first) * LANES, out_stride)
    UNROLL for (int first = 0; first < panels; first += WIDEST_TILE) {
      if (panels - first >= WIDEST_TILE) STRIP(first, WIDEST_TILE);
      else STRIP(first, (panels - first) % WIDEST_TILE);
    }
#undef STRIP
  }
  if (packed) {
    ptrdiff_t group = matrix->groups - 1, at = (group * matrix->pitch + matrix->first) * LANES;
    NAME(strip)(RNNKIT_REALS, TALLEST_TILE(2), 0, 2, (const V *)matrix->weights + group * matrix->inner * panels, 2,
                matrix->inner, x, x_stride, rows, start + at, start_stride, out + at, out_stride);
  }
}

static void NAME(multiply_rows)(const rnnkit_matrix *matrix, const REAL *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                const REAL *start, ptrdiff_t start_stride, REAL *out, ptrdiff_t out_stride) {
  switch (matrix->panels) {
    // Halves are kept in groups of 3 or 4.
#define ROW(kept)                                                                                                      \
  { NAME(row)((kept), panels, NAME(store), false, matrix, 0, matrix->groups, x, 0, 0, start, out, 0, 0, 0); }
#define PANELS(number)                                                                                                 \
  case number: {                                                                                                       \
    const int panels = number;                                                                                         \
    if (rows > 1 || matrix->together > 1 || matrix->packed)                                                            \
      NAME(rows)(panels, matrix, x, x_stride, rows, start, start_stride, out, out_stride);                             \
    else if (panels < 3) ROW(RNNKIT_REALS)                                                                             \
    else FOR_KEPT(matrix->kept, ROW)                                                                                   \
    break;                                                                                                             \
  }
    PANELS(1)
    PANELS(2)
    PANELS(3)
    PANELS(4)
#undef PANELS
#undef ROW
  }
}

static void NAME(multiply)(const rnnkit_matrix *matrix, const void *x_, ptrdiff_t x_stride, ptrdiff_t rows,
                           const void *start_, ptrdiff_t start_stride, void *out_, ptrdiff_t out_stride) {
  const REAL *x = x_, *start = start_;
  REAL *out = out_;
  for (ptrdiff_t row = 0; row < rows; row += ROWS_AT_ONCE) {
    ptrdiff_t count = rows - row < ROWS_AT_ONCE ? rows - row : ROWS_AT_ONCE;
    if (matrix->kept == RNNKIT_INT8) {
      matrix->multiply_int8(matrix, x_ + row * x_stride * sizeof(REAL), x_stride, count, start_ + row * start_stride * sizeof(REAL),
                            start_stride, out_ + row * out_stride * sizeof(REAL), out_stride);
    } else NAME(multiply_rows)(matrix, x + row * x_stride, x_stride, count, start + row * start_stride, start_stride,
                        out + row * out_stride, out_stride);
    if (start_ == out_) continue;
    for (ptrdiff_t r = row; r < row + count; r++) {
      for (ptrdiff_t g = 0; g < matrix->groups; g++) {
        ptrdiff_t panels = matrix->packed && g == matrix->groups - 1 ? 2 : matrix->panels;
        for (ptrdiff_t p = matrix->first + panels; p < matrix->pitch; p++) {
          ptrdiff_t at = (g * matrix->pitch + p) * LANES;
          *(V *)(out + r * out_stride + at) = *(const V *)(start + r * start_stride + at);
        }
      }
    }
  }
}

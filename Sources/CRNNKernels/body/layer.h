// A layer's run through time: at each step the recurrent product, then the cell.

/// The projected h = W_hr·m, from zero.
static void NAME(project)(const rnnkit_layer *layer, const rnnkit_piece *piece, REAL *h, REAL *output,
                          ptrdiff_t rows) {
  ptrdiff_t whole = layer->projection.groups * layer->projection.pitch * LANES;
  for (ptrdiff_t row = 0; row < rows; row++) __builtin_memset(h + row * piece->h_stride, 0, whole * sizeof(REAL));
  NAME(multiply)(&layer->projection, piece->scratch, piece->scratch_stride, rows, h, piece->h_stride, h,
                 piece->h_stride);
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t unit = 0; unit < layer->projected; unit += LANES) {
      V *state = (V *)(h + row * piece->h_stride + unit);
      *state = NAME(canonical)(*state);
      NAME(put)(output + row * piece->output_stride + unit, layer->projected - unit, *state);
    }
  }
}

/// A step of several rows, or of cells out of the ordinary.
INLINE void NAME(step)(const bool standard, const rnnkit_cell cell, const bool relu, const rnnkit_layer *layer,
                       const rnnkit_piece *piece, REAL *gates, REAL *output, ptrdiff_t rows) {
  REAL *h = piece->h, *c = piece->c, *scratch = piece->scratch;
  NAME(multiply)(&layer->recurrent, h, piece->h_stride, rows, gates, layer->gates, gates, layer->gates);
  if (!standard && layer->cell == RNNKIT_GRU_RESET_BEFORE) {
    for (ptrdiff_t row = 0; row < rows; row++) {
      NAME(reset_row)(layer, gates + row * layer->gates, h + row * piece->h_stride,
                      scratch + row * piece->scratch_stride);
    }
    NAME(multiply)(&layer->candidate, scratch, piece->scratch_stride, rows, gates, layer->gates, gates, layer->gates);
  }
  REAL *next = layer->projected ? scratch : h;
  ptrdiff_t next_stride = layer->projected ? piece->scratch_stride : piece->h_stride;
  for (ptrdiff_t row = 0; row < rows; row++) {
    NAME(cell_row)(standard, cell, relu, layer, gates + row * layer->gates, h + row * piece->h_stride,
                   c ? c + row * piece->c_stride : 0, next + row * next_stride,
                   layer->projected ? 0 : output + row * piece->output_stride);
  }
  if (layer->projected) NAME(project)(layer, piece, h, output, rows);
}

/// All steps of a piece.
INLINE void NAME(steps)(const bool standard, const rnnkit_cell cell, const bool relu, const rnnkit_layer *layer,
                        const rnnkit_piece *piece) {
  ptrdiff_t features = layer->projected ? layer->projected : layer->hidden;
  for (ptrdiff_t i = 0; i < piece->steps; i++) {
    ptrdiff_t t = piece->reverse ? piece->steps - 1 - i : i;
    ptrdiff_t rows = piece->active ? piece->active[t] : piece->batch;
    REAL *gates = (REAL *)piece->gates + t * piece->batch * layer->gates;
    REAL *output = (REAL *)piece->output + t * piece->batch * piece->output_stride;
    if (rows > 0) NAME(step)(standard, cell, relu, layer, piece, gates, output, rows);
    for (ptrdiff_t row = rows; row < piece->batch; row++) {
      __builtin_memset(output + row * piece->output_stride, 0, features * sizeof(REAL));
    }
  }
}

/// All steps of a single row through a standard cell, product and cell in one, h and scratch taking turns as its state
/// where not all groups are taken at once.
INLINE void NAME(single_steps)(const rnnkit_weights kept, const int panels, const NAME(then) then,
                               const rnnkit_layer *layer, const rnnkit_piece *piece) {
  REAL *h = piece->h, *next = layer->recurrent.groups <= NAME(groups_at_once)(panels) ? h : piece->scratch;
  const ptrdiff_t whole = (layer->hidden + LANES - 1) / LANES * LANES;
  const rnnkit_matrix *input = kept == RNNKIT_REALS && piece->input ? &layer->input : 0;
  ptrdiff_t begin = 0, end = layer->recurrent.groups;
  if (piece->barrier) {
    begin = piece->first_group;
    end = piece->end_group;
  }
  for (ptrdiff_t i = 0; i < piece->steps; i++) {
    ptrdiff_t t = piece->reverse ? piece->steps - 1 - i : i;
    const REAL *gates = (REAL *)piece->gates + t * layer->gates, *x_in = 0;
    REAL *output = (REAL *)piece->output + t * piece->output_stride;
    if (input) {
      gates = layer->bias;
      x_in = (const REAL *)piece->input + t * piece->input_stride;
    }
    if (piece->active && !piece->active[t]) {
      if (begin == 0 && end > 0) __builtin_memset(output, 0, layer->hidden * sizeof(REAL));
      continue;
    }
    NAME(row)(kept, panels, then, i % 2, &layer->recurrent, begin, end, h, input, x_in, gates, next,
              t < piece->whole_rows ? whole : layer->hidden, piece->c, output);
    REAL *used = h;
    h = next;
    next = used;
    if (piece->barrier) rnnkit_wait(piece->barrier);
  }
  if (h != piece->h && begin == 0 && end > 0) {
    __builtin_memcpy(piece->h, h, whole * sizeof(REAL));
  }
}

/// Whether a single row takes two groups of so many panels at once.
#define TWO_GROUPS(panels) (2 * (panels) <= SINGLE_PANELS)

/// A step of a layer that is `in_place`: a single row, or some rows at a time through a single vector of units.
INLINE void NAME(step_in_place)(const int panels, const NAME(then) then, const rnnkit_layer *layer,
                                const rnnkit_piece *piece, ptrdiff_t t) {
  const rnnkit_matrix *input = piece->input ? &layer->input : 0;
  const int wide = then == NAME(rnn) || then == NAME(relu) ? panels * LANES : LANES;
  const ptrdiff_t whole = layer->recurrent.groups * wide;
  ptrdiff_t rows = piece->active ? piece->active[t] : piece->batch, row = 0;
#define ROWS(number, groups, packed)                                                                                   \
  for (; row + (number) <= rows; row += (number)) {                                                                    \
    ptrdiff_t at = t * piece->batch + row;                                                                             \
    REAL *h = (REAL *)piece->h + row * piece->h_stride;                                                                \
    NAME(cells) cells = {h, then == NAME(lstm) ? (REAL *)piece->c + row * piece->c_stride : 0, h,                      \
                         (REAL *)piece->output + at * piece->output_stride};                                           \
    cells.units = at + (number) <= piece->whole_rows ? whole : layer->hidden;                                          \
    cells.h_step = cells.c_step = cells.output_step = cells.units_step = LANES;                                        \
    if ((number) > 1) {                                                                                                \
      cells.h_step = piece->h_stride;                                                                                  \
      cells.c_step = piece->c_stride;                                                                                  \
      cells.output_step = piece->output_stride;                                                                        \
      cells.units_step = 0;                                                                                            \
    }                                                                                                                  \
    NAME(given) start = {(REAL *)piece->gates + at * layer->gates, layer->gates};                                      \
    if (input) start = (NAME(given)){layer->bias};                                                                     \
    NAME(given) x_in = {input ? (const REAL *)piece->input + at * piece->input_stride : 0, piece->input_stride};       \
    NAME(row_groups)(RNNKIT_REALS, false, (packed), (groups) == 1 && wide == LANES, (number), (groups), panels, then,  \
                     &layer->recurrent, 0, (NAME(given)){h, piece->h_stride}, input, x_in, start, 0, cells);           \
  }
  if (TWO_GROUPS(panels) && wide == LANES && layer->recurrent.groups == 2) {
    if (PACKS && layer->recurrent.packed) {
      ROWS(1, TWO_GROUPS(panels) ? 2 : 1, PACKS && TWO_GROUPS(panels))
    } else {
      ROWS(1, TWO_GROUPS(panels) ? 2 : 1, false)
    }
  } else if (wide > LANES) {
    ROWS(1, 1, false)
  } else {
    if (4 * panels <= SMALL_TILE) ROWS(4, 1, false)
    ROWS(2, 1, false)
    ROWS(1, 1, false)
  }
#undef ROWS
  for (; row < piece->batch; row++) {
    __builtin_memset((REAL *)piece->output + (t * piece->batch + row) * piece->output_stride, 0,
                     layer->hidden * sizeof(REAL));
  }
}

/// Steps of several layers in turn, each layer one step behind the one before it.
INLINE void NAME(steps_in_turn)(const int panels, const NAME(then) then, const rnnkit_layer *layers,
                                const rnnkit_piece *pieces, ptrdiff_t count) {
  ptrdiff_t turns = 0;
  for (ptrdiff_t d = 0; d < count; d++) turns = pieces[d].steps + d > turns ? pieces[d].steps + d : turns;
  for (ptrdiff_t i = 0; i < turns; i++) {
    for (ptrdiff_t d = 0; d < count; d++) {
      ptrdiff_t t = i - d, steps = pieces[d].steps;
      if (t < 0 || t >= steps) continue;
      NAME(step_in_place)(panels, then, layers + d, pieces + d, pieces[d].reverse ? steps - 1 - t : t);
    }
  }
}

static bool NAME(in_place)(const rnnkit_layer *layer, ptrdiff_t batch) {
  if (batch > 1) return rnnkit_is_small(layer);
  return rnnkit_is_fused(layer) && layer->recurrent.kept == RNNKIT_REALS && layer->recurrent.together == 1 &&
         (layer->recurrent.groups == 1 ||
          (layer->recurrent.groups == 2 && layer->cell != RNNKIT_RNN && TWO_GROUPS(layer->recurrent.panels)));
}

/// Does `visit(panels, then)` for a fused layer's cell, both constants. Of RNNs, `kept` as halves, there are only those of
/// four panels.
#define FOR_CELL(layer, kept, visit)                                                                                   \
  if ((layer)->cell == RNNKIT_LSTM) visit(4, NAME(lstm))                                                               \
  else if ((layer)->cell == RNNKIT_GRU) visit(3, NAME(gru))                                                            \
  else if ((layer)->candidate_activation.function == RNNKIT_RELU) FOR_PANELS(layer, kept, NAME(relu), visit)           \
  else FOR_PANELS(layer, kept, NAME(rnn), visit)
#define FOR_PANELS(layer, kept, then, visit)                                                                           \
  {                                                                                                                    \
    if ((layer)->recurrent.panels == 4) visit(4, then)                                                                 \
    else if ((kept) == RNNKIT_REALS && (layer)->recurrent.panels == 3) visit(3, then)                                  \
    else if ((kept) == RNNKIT_REALS && (layer)->recurrent.panels == 2) visit(2, then)                                  \
    else if ((kept) == RNNKIT_REALS) visit(1, then)                                                                    \
  }

static void NAME(run_in_turn)(const rnnkit_layer *layers, const rnnkit_piece *pieces, ptrdiff_t count) {
#define STEPS(panels, then)                                                                                            \
  { NAME(steps_in_turn)((panels), (then), layers, pieces, count); }
  FOR_CELL(layers, RNNKIT_REALS, STEPS)
#undef STEPS
}

/// `single_steps` of any fused layer.
INLINE void NAME(fused_steps)(const rnnkit_weights kept, const rnnkit_layer *layer, const rnnkit_piece *piece) {
#define STEPS(panels, then)                                                                                            \
  { NAME(single_steps)(kept, (panels), (then), layer, piece); }
  FOR_CELL(layer, kept, STEPS)
#undef STEPS
}

static void NAME(run)(const rnnkit_layer *layer, const rnnkit_piece *piece) {
  const bool relu = layer->candidate_activation.function == RNNKIT_RELU;
  if (!rnnkit_is_standard(layer)) {
    NAME(steps)(false, RNNKIT_RNN, false, layer, piece);
  } else if (rnnkit_is_small(layer) && !piece->barrier) {
    NAME(run_in_turn)(layer, piece, 1);
  } else if (piece->batch == 1 && rnnkit_is_fused(layer)) {
#define STEPS(kept)                                                                                                    \
  { NAME(fused_steps)((kept), layer, piece); }
    FOR_KEPT(layer->recurrent.kept, STEPS)
#undef STEPS
  } else {
    switch (layer->cell) {
    case RNNKIT_LSTM: NAME(steps)(true, RNNKIT_LSTM, false, layer, piece); break;
    case RNNKIT_GRU: NAME(steps)(true, RNNKIT_GRU, false, layer, piece); break;
    default:
      if (relu) NAME(steps)(true, RNNKIT_RNN, true, layer, piece);
      else NAME(steps)(true, RNNKIT_RNN, false, layer, piece);
      break;
    }
  }
}

static bool NAME(packs)(rnnkit_cell cell, ptrdiff_t hidden) {
  ptrdiff_t groups = (hidden + LANES - 1) / LANES, rest = hidden % LANES;
  if (!PACKS || (cell != RNNKIT_LSTM && cell != RNNKIT_GRU) || rest == 0 || rest > LANES / 2) return false;
  return groups > 1 && groups <= NAME(groups_at_once)(cell == RNNKIT_LSTM ? 4 : 3);
}

static ptrdiff_t NAME(together)(ptrdiff_t panels) { return TOGETHER(panels); }

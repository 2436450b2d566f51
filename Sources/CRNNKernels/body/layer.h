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
      NAME(put)(output + row * piece->output_stride, unit, layer->projected, *state);
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
INLINE void NAME(single_steps)(const int panels, const NAME(then) then, const rnnkit_layer *layer,
                               const rnnkit_piece *piece) {
  REAL *h = piece->h, *next = layer->recurrent.groups <= NAME(groups_at_once)(panels) ? h : piece->scratch;
  ptrdiff_t begin = 0, end = layer->recurrent.groups;
  if (piece->barrier) {
    begin = piece->first_group;
    end = piece->end_group;
  }
  for (ptrdiff_t i = 0; i < piece->steps; i++) {
    ptrdiff_t t = piece->reverse ? piece->steps - 1 - i : i;
    const REAL *gates = (REAL *)piece->gates + t * layer->gates;
    REAL *output = (REAL *)piece->output + t * piece->output_stride;
    if (piece->active && !piece->active[t]) {
      if (begin == 0) __builtin_memset(output, 0, layer->hidden * sizeof(REAL));
      continue;
    }
    NAME(row)(panels, then, i % 2, &layer->recurrent, begin, end, h, gates, next, layer->hidden, piece->c, output);
    REAL *used = h;
    h = next;
    next = used;
    if (piece->barrier) rnnkit_wait(piece->barrier);
  }
  if (h != piece->h && begin == 0) {
    __builtin_memcpy(piece->h, h, (layer->hidden + LANES - 1) / LANES * sizeof(V));
  }
}

static void NAME(run)(const rnnkit_layer *layer, const rnnkit_piece *piece) {
  const bool relu = layer->candidate_activation.function == RNNKIT_RELU;
  if (!rnnkit_is_standard(layer)) {
    NAME(steps)(false, RNNKIT_RNN, false, layer, piece);
  } else if (piece->batch == 1 && !layer->projected) {
    const NAME(then) then = layer->cell == RNNKIT_LSTM ? NAME(lstm)
                            : layer->cell == RNNKIT_GRU ? NAME(gru)
                            : relu                      ? NAME(relu)
                                                        : NAME(rnn);
    switch (then) {
    case NAME(lstm): NAME(single_steps)(4, NAME(lstm), layer, piece); break;
    case NAME(gru): NAME(single_steps)(3, NAME(gru), layer, piece); break;
#define RNN(then, panels)                                                                                              \
  case panels: NAME(single_steps)(panels, then, layer, piece); break;
#define RNNS(then)                                                                                                     \
  case then:                                                                                                           \
    switch (layer->recurrent.panels) { RNN(then, 1) RNN(then, 2) RNN(then, 3) RNN(then, 4) }                           \
    break;
      RNNS(NAME(rnn))
      RNNS(NAME(relu))
#undef RNNS
#undef RNN
    case NAME(store): break;
    }
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

static const rnnkit_operations NAME(operations) = {NAME(multiply), NAME(run), NAME(activate)};

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

INLINE void NAME(step)(const rnnkit_layer *layer, const rnnkit_piece *piece, REAL *gates, REAL *output,
                       ptrdiff_t rows) {
  REAL *h = piece->h, *c = piece->c, *scratch = piece->scratch;
  NAME(multiply)(&layer->recurrent, h, piece->h_stride, rows, gates, layer->gates, gates, layer->gates);
  switch (layer->cell) {
#define RNN(known) NAME(rnn_rows)(known, layer, gates, h, piece->h_stride, output, piece->output_stride, rows)
  case RNNKIT_RNN:
    if (layer->clip == __builtin_inf() && layer->candidate_activation.function == RNNKIT_TANH) {
      RNN(RNNKIT_TANH);
    } else if (layer->clip == __builtin_inf() && layer->candidate_activation.function == RNNKIT_RELU) {
      RNN(RNNKIT_RELU);
    } else {
      RNN(RNNKIT_IDENTITY);
    }
    break;
#undef RNN
  case RNNKIT_LSTM: {
    REAL *m = layer->projected ? scratch : h;
    ptrdiff_t m_stride = layer->projected ? piece->scratch_stride : piece->h_stride;
    REAL *m_output = layer->projected ? 0 : output;
    if (NAME(is_standard)(layer)) {
      NAME(lstm_rows)(true, layer, gates, c, piece->c_stride, m, m_stride, m_output, piece->output_stride, rows);
    } else {
      NAME(lstm_rows)(false, layer, gates, c, piece->c_stride, m, m_stride, m_output, piece->output_stride, rows);
    }
    if (layer->projected) NAME(project)(layer, piece, h, output, rows);
    break;
  }
  case RNNKIT_GRU:
    if (NAME(is_standard)(layer)) {
      NAME(gru_rows)(true, true, layer, gates, h, piece->h_stride, output, piece->output_stride, rows);
    } else {
      NAME(gru_rows)(false, true, layer, gates, h, piece->h_stride, output, piece->output_stride, rows);
    }
    break;
  case RNNKIT_GRU_RESET_BEFORE:
    NAME(reset_rows)(layer, gates, h, piece->h_stride, scratch, piece->scratch_stride, rows);
    NAME(multiply)(&layer->candidate, scratch, piece->scratch_stride, rows, gates, layer->gates, gates, layer->gates);
    NAME(gru_rows)(false, false, layer, gates, h, piece->h_stride, output, piece->output_stride, rows);
    break;
  }
}

static void NAME(run)(const rnnkit_layer *layer, const rnnkit_piece *piece) {
  ptrdiff_t features = layer->projected ? layer->projected : layer->hidden;
  for (ptrdiff_t i = 0; i < piece->steps; i++) {
    ptrdiff_t t = piece->reverse ? piece->steps - 1 - i : i;
    ptrdiff_t rows = piece->active ? piece->active[t] : piece->batch;
    REAL *gates = (REAL *)piece->gates + t * piece->batch * layer->gates;
    REAL *output = (REAL *)piece->output + t * piece->batch * piece->output_stride;
    if (rows > 0) NAME(step)(layer, piece, gates, output, rows);
    for (ptrdiff_t row = rows; row < piece->batch; row++) {
      __builtin_memset(output + row * piece->output_stride, 0, features * sizeof(REAL));
    }
  }
}

static const rnnkit_operations NAME(operations) = {NAME(multiply), NAME(run), NAME(activate)};

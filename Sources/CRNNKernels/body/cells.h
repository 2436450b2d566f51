// What a cell makes of its gates, and a layer's run through time.

/// h of one vector of units to the output's row, whose length need not be whole vectors.
INLINE void NAME(put)(REAL *row, ptrdiff_t unit, ptrdiff_t hidden, V h) {
  if (hidden - unit >= LANES) {
    __builtin_memcpy(row + unit, &h, sizeof(V));
  } else {
    for (ptrdiff_t lane = 0; lane < hidden - unit; lane++) row[unit + lane] = h[lane];
  }
}

INLINE V NAME(clipped)(V x, V bound) { return SELECT(x > bound, bound, SELECT(x < -bound, -bound, x)); }

/// The functions of PyTorch's cells, which deserve code of their own.
INLINE bool NAME(is_standard)(const rnnkit_layer *layer) {
  return layer->gate.function == RNNKIT_SIGMOID && layer->candidate_activation.function == RNNKIT_TANH &&
         layer->output.function == RNNKIT_TANH && layer->clip == __builtin_inf() && !layer->peepholes &&
         !layer->input_forget;
}

INLINE V NAME(function)(const bool standard, const rnnkit_function usual, const rnnkit_activation *activation,
                        V bound, V x) {
  if (standard) return usual == RNNKIT_SIGMOID ? NAME(sigmoid)(x) : NAME(tanh)(x);
  return NAME(apply)(activation, NAME(clipped)(x, bound));
}

INLINE void NAME(rnn_rows)(const rnnkit_function known, const rnnkit_layer *layer, const REAL *gates, REAL *h,
                           ptrdiff_t h_stride, REAL *output, ptrdiff_t output_stride, ptrdiff_t rows) {
  V bound = SPLAT(layer->clip);
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t unit = 0; unit < layer->hidden; unit += LANES) {
      V x = *(const V *)(gates + row * layer->gates + unit), y;
      if (known == RNNKIT_TANH) {
        y = NAME(tanh)(x);
      } else if (known == RNNKIT_RELU) {
        y = SELECT(x <= SPLAT(0), SPLAT(0), x);
      } else {
        y = NAME(apply)(&layer->candidate_activation, NAME(clipped)(x, bound));
      }
      y = NAME(canonical)(y);
      *(V *)(h + row * h_stride + unit) = y;
      NAME(put)(output + row * output_stride, unit, layer->hidden, y);
    }
  }
}

/// c' = f·c + i·g, h = o·tanh(c').
INLINE void NAME(lstm_rows)(const bool standard, const rnnkit_layer *layer, const REAL *gates, REAL *c,
                            ptrdiff_t c_stride, REAL *h, ptrdiff_t h_stride, REAL *output, ptrdiff_t output_stride,
                            ptrdiff_t rows) {
  const REAL *peepholes = layer->peepholes;
  ptrdiff_t whole = (layer->hidden + LANES - 1) / LANES * LANES;
  // The clip is of the gates' totals alone: ONNX Runtime leaves the cell state as it is on its way to h.
  V bound = SPLAT(layer->clip), unbounded = SPLAT(__builtin_inf());
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t unit = 0; unit < layer->hidden; unit += LANES) {
      const V *x = (const V *)(gates + row * layer->gates + unit * 4);
      V *cell = (V *)(c + row * c_stride + unit);
      V xi = x[0], xf = x[1], xo = x[3], old = *cell;
      if (!standard && peepholes) {
        xi = FMA(*(const V *)(peepholes + unit), old, xi);
        xf = FMA(*(const V *)(peepholes + whole + unit), old, xf);
      }
      V i = NAME(function)(standard, RNNKIT_SIGMOID, &layer->gate, bound, xi);
      V f = !standard && layer->input_forget ? 1 - i
                                             : NAME(function)(standard, RNNKIT_SIGMOID, &layer->gate, bound, xf);
      V g = NAME(function)(standard, RNNKIT_TANH, &layer->candidate_activation, bound, x[2]);
      V new = NAME(canonical)(FMA(f, old, i * g));
      if (!standard && peepholes) xo = FMA(*(const V *)(peepholes + 2 * whole + unit), new, xo);
      V o = NAME(function)(standard, RNNKIT_SIGMOID, &layer->gate, bound, xo);
      V y = NAME(canonical)(o * NAME(function)(standard, RNNKIT_TANH, &layer->output, unbounded, new));
      *cell = new;
      *(V *)(h + row * h_stride + unit) = y;
      if (output) NAME(put)(output + row * output_stride, unit, layer->hidden, y);
    }
  }
}

/// n = tanh(x + r·y), h' = n + z·(h − n), where x is the gates' first vector and y, which is there for the reset after
/// the product, the fourth.
INLINE void NAME(gru_rows)(const bool standard, const bool reset_after, const rnnkit_layer *layer, const REAL *gates,
                           REAL *h, ptrdiff_t h_stride, REAL *output, ptrdiff_t output_stride, ptrdiff_t rows) {
  V bound = SPLAT(layer->clip);
  const ptrdiff_t pitch = reset_after ? 4 : 3;
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t unit = 0; unit < layer->hidden; unit += LANES) {
      const V *x = (const V *)(gates + row * layer->gates + unit * pitch);
      V *state = (V *)(h + row * h_stride + unit);
      V before = x[0];
      if (reset_after) {
        V r = NAME(function)(standard, RNNKIT_SIGMOID, &layer->gate, bound, x[1]);
        before = FMA(r, x[3], before);
      }
      V z = NAME(function)(standard, RNNKIT_SIGMOID, &layer->gate, bound, x[2]);
      V n = NAME(function)(standard, RNNKIT_TANH, &layer->candidate_activation, bound, before);
      V y = NAME(canonical)(FMA(z, *state - n, n));
      *state = y;
      NAME(put)(output + row * output_stride, unit, layer->hidden, y);
    }
  }
}

/// r·h, which the candidate's product takes where the reset comes before it.
static void NAME(reset_rows)(const rnnkit_layer *layer, const REAL *gates, const REAL *h, ptrdiff_t h_stride,
                             REAL *scratch, ptrdiff_t scratch_stride, ptrdiff_t rows) {
  V bound = SPLAT(layer->clip);
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t unit = 0; unit < layer->hidden; unit += LANES) {
      V x = ((const V *)(gates + row * layer->gates + unit * 3))[1];
      V r = NAME(apply)(&layer->gate, NAME(clipped)(x, bound));
      *(V *)(scratch + row * scratch_stride + unit) = r * *(const V *)(h + row * h_stride + unit);
    }
  }
}

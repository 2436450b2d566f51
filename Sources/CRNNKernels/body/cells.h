// What a cell makes of its gates.

/// h of one vector of units to the output's row, whose length need not be whole vectors.
INLINE void NAME(put)(REAL *row, ptrdiff_t unit, ptrdiff_t hidden, V h) {
  if (hidden - unit >= LANES) {
    __builtin_memcpy(row + unit, &h, sizeof(V));
  } else {
    for (ptrdiff_t lane = 0; lane < hidden - unit; lane++) row[unit + lane] = h[lane];
  }
}

/// The state and the output of `count` vectors of units, from unit `first` on. What only fills a group up is no unit.
INLINE void NAME(put_units)(const int count, const V *y, ptrdiff_t first, ptrdiff_t hidden, REAL *h, REAL *output) {
  UNROLL for (int j = 0; j < count; j++) {
    if (j > 0 && first + j * LANES >= hidden) return;
    *(V *)(h + first + j * LANES) = y[j];
    if (output) NAME(put)(output, first + j * LANES, hidden, y[j]);
  }
}

INLINE V NAME(clipped)(V x, V bound) { return SELECT(x > bound, bound, SELECT(x < -bound, -bound, x)); }

// The standard cells: `count` vectors of units from unit `first` on, whose gates are x[unit][gate]. `h`, `c` and
// `output` are a row's.

#define EACH UNROLL for (int j = 0; j < count; j++)

INLINE void NAME(rnn_units)(const int count, const bool relu, const V *x, ptrdiff_t first, ptrdiff_t hidden, REAL *h,
                            REAL *output) {
  V y[MAXIMUM_TILE];
  EACH y[j] = x[j];
  if (relu) {
    EACH y[j] = SELECT(y[j] <= SPLAT(0), SPLAT(0), y[j]);
  } else {
    NAME(tanhs)(count, y);
  }
  EACH y[j] = NAME(canonical)(y[j]);
  NAME(put_units)(count, y, first, hidden, h, output);
}

/// c' = f·c + i·g, h = o·tanh(c').
INLINE void NAME(lstm_units)(const int count, const V *x, ptrdiff_t first, ptrdiff_t hidden, REAL *c, REAL *h,
                             REAL *output) {
  V *cell = (V *)(c + first), gates[3 * MOST_GROUPS], g[MOST_GROUPS], new[MOST_GROUPS], y[MOST_GROUPS];
  EACH {
    gates[j] = x[4 * j];
    gates[count + j] = x[4 * j + 1];
    g[j] = x[4 * j + 2];
    gates[2 * count + j] = x[4 * j + 3];
  }
  NAME(sigmoids)(2 * count, gates);
  NAME(tanhs)(count, g);
  EACH new[j] = NAME(canonical)(FMA(gates[count + j], cell[j], gates[j] * g[j]));
  EACH cell[j] = y[j] = new[j];
  NAME(sigmoids)(count, gates + 2 * count);
  NAME(tanhs)(count, y);
  EACH y[j] = NAME(canonical)(gates[2 * count + j] * y[j]);
  NAME(put_units)(count, y, first, hidden, h, output);
}

/// n = tanh(x + r·y), h' = n + z·(h − n), where x is the gates' first vector and y the fourth. h' goes to `next`.
INLINE void NAME(gru_units)(const int count, const V *x, ptrdiff_t first, ptrdiff_t hidden, const REAL *h, REAL *next,
                            REAL *output) {
  V gates[2 * MOST_GROUPS], y[MOST_GROUPS];
  EACH {
    gates[j] = x[4 * j + 1];
    gates[count + j] = x[4 * j + 2];
  }
  NAME(sigmoids)(2 * count, gates);
  EACH y[j] = FMA(gates[j], x[4 * j + 3], x[4 * j]);
  NAME(tanhs)(count, y);
  EACH y[j] = NAME(canonical)(FMA(gates[count + j], *(const V *)(h + first + j * LANES) - y[j], y[j]));
  NAME(put_units)(count, y, first, hidden, next, output);
}

#undef EACH

/// A standard cell's units of a row.
INLINE void NAME(standard_units)(const int count, const rnnkit_cell cell, const bool relu, const V *x, ptrdiff_t first,
                                 ptrdiff_t hidden, const REAL *h, REAL *c, REAL *next, REAL *output) {
  switch (cell) {
  case RNNKIT_RNN: NAME(rnn_units)(count, relu, x, first, hidden, next, output); break;
  case RNNKIT_LSTM: NAME(lstm_units)(count, x, first, hidden, c, next, output); break;
  default: NAME(gru_units)(count, x, first, hidden, h, next, output); break;
  }
}

/// Any cell's row, a vector of units at a time. h' goes to `next`.
static void NAME(any_row)(const rnnkit_layer *layer, const REAL *gates, const REAL *h, REAL *c, REAL *next,
                          REAL *output) {
  const REAL *peepholes = layer->peepholes;
  const ptrdiff_t whole = (layer->hidden + LANES - 1) / LANES * LANES;
  const ptrdiff_t pitch =
      layer->cell == RNNKIT_RNN ? 1 : layer->cell == RNNKIT_GRU_RESET_BEFORE ? 3 : 4;
  V bound = SPLAT(layer->clip);
#define GATE(x) NAME(apply)(&layer->gate, NAME(clipped)((x), bound))
#define CANDIDATE(x) NAME(apply)(&layer->candidate_activation, NAME(clipped)((x), bound))
  for (ptrdiff_t unit = 0; unit < layer->hidden; unit += LANES) {
    const V *x = (const V *)(gates + unit * pitch);
    V y;
    if (layer->cell == RNNKIT_RNN) {
      y = CANDIDATE(x[0]);
    } else if (layer->cell == RNNKIT_LSTM) {
      V *cell = (V *)(c + unit), xi = x[0], xf = x[1], xo = x[3], old = *cell;
      if (peepholes) {
        xi = FMA(*(const V *)(peepholes + unit), old, xi);
        xf = FMA(*(const V *)(peepholes + whole + unit), old, xf);
      }
      V i = GATE(xi), f = layer->input_forget ? 1 - i : GATE(xf), g = CANDIDATE(x[2]);
      V new = NAME(canonical)(FMA(f, old, i * g));
      if (peepholes) xo = FMA(*(const V *)(peepholes + 2 * whole + unit), new, xo);
      *cell = new;
      // The clip is of the gates' totals alone: ONNX Runtime leaves the cell state as it is on its way to h.
      y = GATE(xo) * NAME(apply)(&layer->output, new);
    } else {
      V before = layer->cell == RNNKIT_GRU ? FMA(GATE(x[1]), x[3], x[0]) : x[0];
      V z = GATE(x[2]), n = CANDIDATE(before);
      y = FMA(z, *(const V *)(h + unit) - n, n);
    }
    y = NAME(canonical)(y);
    NAME(put_units)(1, &y, unit, layer->hidden, next, output);
  }
}

/// r·h, which the candidate's product takes where the reset comes before it.
static void NAME(reset_row)(const rnnkit_layer *layer, const REAL *gates, const REAL *h, REAL *product) {
  V bound = SPLAT(layer->clip);
  for (ptrdiff_t unit = 0; unit < layer->hidden; unit += LANES) {
    V r = GATE(((const V *)(gates + unit * 3))[1]);
    *(V *)(product + unit) = r * *(const V *)(h + unit);
  }
}
#undef GATE
#undef CANDIDATE

/// A row of gates through a cell. h' goes to `next`, which may be h.
INLINE void NAME(cell_row)(const bool standard, const rnnkit_cell cell, const bool relu, const rnnkit_layer *layer,
                           const REAL *gates, const REAL *h, REAL *c, REAL *next, REAL *output) {
  if (!standard) {
    NAME(any_row)(layer, gates, h, c, next, output);
    return;
  }
  const int pitch = cell == RNNKIT_RNN ? 1 : 4, many = cell == RNNKIT_RNN ? IN_STEP : MOST_UNITS;
  ptrdiff_t unit = 0;
#define UNITS(count)                                                                                                   \
  for (; unit + ((count) - 1) * LANES < layer->hidden; unit += (count) * LANES) {                                      \
    NAME(standard_units)((count), cell, relu, (const V *)(gates + unit * pitch), unit, layer->hidden, h, c, next,      \
                         output);                                                                                      \
  }
  if (many > 1) UNITS(many)
  UNITS(1)
#undef UNITS
}

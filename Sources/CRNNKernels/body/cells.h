// What a cell makes of its gates.

/// Vectors of units: where they are, and how far apart. They follow each other in a row, or are one of each row.
typedef struct {
  const REAL *h;
  /// `next` gets h', and may be h.
  REAL *c, *next, *output;
  ptrdiff_t h_step, c_step, output_step;
  /// Units from the first vector on, and how many fewer each further one has.
  ptrdiff_t units, units_step;
} NAME(cells);

/// Those of a row, from unit `first` on.
INLINE NAME(cells) NAME(cells_of_row)(ptrdiff_t first, ptrdiff_t hidden, const REAL *h, REAL *c, REAL *next,
                                      REAL *output) {
  NAME(cells) cells = {h + first, c ? c + first : 0, next + first, output ? output + first : 0};
  cells.h_step = cells.c_step = cells.output_step = cells.units_step = LANES;
  cells.units = hidden - first;
  return cells;
}

/// h of one vector to a row of output, which need not be whole vectors.
INLINE void NAME(put)(REAL *output, ptrdiff_t units, V h) {
  if (units >= LANES) {
    __builtin_memcpy(output, &h, sizeof(V));
  } else {
#ifdef STORE_FIRST
    STORE_FIRST(output, units, h);
#else
    __builtin_memcpy(output, &h, units * sizeof(REAL));
#endif
  }
}

/// The state and the output of `count` vectors. What only fills a group up is no unit.
INLINE void NAME(put_units)(const int count, const V *y, const NAME(cells) cells) {
  UNROLL for (int j = 0; j < count; j++) {
    ptrdiff_t units = cells.units - j * cells.units_step;
    if (j > 0 && units <= 0) return;
    *(V *)(cells.next + j * cells.h_step) = y[j];
    if (cells.output) NAME(put)(cells.output + j * cells.output_step, units, y[j]);
  }
}

INLINE V NAME(clipped)(V x, V bound) { return SELECT(x > bound, bound, SELECT(x < -bound, -bound, x)); }

/// The upper half of a vector as its lower one.
INLINE V NAME(upper)(V x) {
#if LANES == 16
  return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
#endif
}

// The standard cells: `count` vectors of units, whose gates are x[vector][gate]. The last one's may be `packed`, as
// `rnnkit_matrix` says.

#define EACH UNROLL for (int j = 0; j < count; j++)

INLINE void NAME(rnn_units)(const int count, const bool relu, const V *x, const NAME(cells) cells) {
  V y[MAXIMUM_TILE];
  EACH y[j] = x[j];
  if (relu) {
    EACH y[j] = SELECT(y[j] <= SPLAT(0), SPLAT(0), y[j]);
  } else {
    NAME(tanhs)(count, y);
  }
  EACH y[j] = NAME(canonical)(y[j]);
  NAME(put_units)(count, y, cells);
}

/// c' = f·c + i·g, h = o·tanh(c').
INLINE void NAME(lstm_units)(const int count, const bool packed, const V *x, const NAME(cells) cells) {
  V gates[3 * MOST_GROUPS], g[MOST_GROUPS], y[MOST_GROUPS];
  EACH {
    const bool halves = packed && j == count - 1;
    gates[j] = x[4 * j];
    if (!halves) gates[count + j] = x[4 * j + 1];
    g[j] = x[4 * j + (halves ? 1 : 2)];
    gates[2 * count + j] = halves ? NAME(upper)(g[j]) : x[4 * j + 3];
  }
  NAME(sigmoids)(2 * count - packed, gates);
  if (packed) gates[2 * count - 1] = NAME(upper)(gates[count - 1]);
  NAME(tanhs)(count, g);
  // What comes of a NaN is the same NaN, whichever of them it was.
  EACH y[j] = FMA(gates[count + j], *(const V *)(cells.c + j * cells.c_step), gates[j] * g[j]);
  EACH *(V *)(cells.c + j * cells.c_step) = NAME(canonical)(y[j]);
  NAME(sigmoids)(count, gates + 2 * count);
  NAME(tanhs)(count, y);
  EACH y[j] = NAME(canonical)(gates[2 * count + j] * y[j]);
  NAME(put_units)(count, y, cells);
}

/// n = tanh(x + r·y), h' = (n − z·n) + z·h, where x is the gates' first vector and y the fourth. h' goes to `next`.
INLINE void NAME(gru_units)(const int count, const bool packed, const V *x, const NAME(cells) cells) {
  V gates[2 * MOST_GROUPS], y[MOST_GROUPS];
  EACH {
    gates[j] = x[4 * j + 1];
    if (!packed || j < count - 1) gates[count + j] = x[4 * j + 2];
  }
  NAME(sigmoids)(2 * count - packed, gates);
  if (packed) gates[2 * count - 1] = NAME(upper)(gates[count - 1]);
  EACH y[j] = FMA(gates[j], x[4 * j + (packed && j == count - 1 ? 2 : 3)], x[4 * j]);
  NAME(tanhs)(count, y);
  EACH y[j] = FMA(-gates[count + j], y[j], y[j]);
  EACH y[j] = NAME(canonical)(FMA(gates[count + j], *(const V *)(cells.h + j * cells.h_step), y[j]));
  NAME(put_units)(count, y, cells);
}

#undef EACH

/// Units of a standard cell.
INLINE void NAME(standard_units)(const int count, const rnnkit_cell cell, const bool relu, const bool packed,
                                 const V *x, const NAME(cells) cells) {
  switch (cell) {
  case RNNKIT_RNN: NAME(rnn_units)(count, relu, x, cells); break;
  case RNNKIT_LSTM: NAME(lstm_units)(count, packed, x, cells); break;
  default: NAME(gru_units)(count, packed, x, cells); break;
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
      y = FMA(z, *(const V *)(h + unit), FMA(-z, n, n));
    }
    y = NAME(canonical)(y);
    NAME(put_units)(1, &y, NAME(cells_of_row)(unit, layer->hidden, h, c, next, output));
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
  const bool packed = PACKS && cell != RNNKIT_RNN && layer->recurrent.packed;
  const ptrdiff_t end = packed ? layer->hidden / LANES * LANES : layer->hidden;
  ptrdiff_t unit = 0;
#define UNITS(count)                                                                                                   \
  for (; unit + ((count) - 1) * LANES < end; unit += (count) * LANES) {                                                \
    NAME(standard_units)((count), cell, relu, false, (const V *)(gates + unit * pitch),                                \
                         NAME(cells_of_row)(unit, layer->hidden, h, c, next, output));                                 \
  }
  if (many > 1) UNITS(many)
  UNITS(1)
#undef UNITS
  if (packed) {
    NAME(standard_units)(1, cell, relu, true, (const V *)(gates + unit * pitch),
                         NAME(cells_of_row)(unit, layer->hidden, h, c, next, output));
  }
}

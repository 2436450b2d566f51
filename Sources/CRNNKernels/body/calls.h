// Calls from a list: what a run is made of.

/// Rows to other rows.
static void NAME(copy)(const REAL *source, ptrdiff_t source_stride, ptrdiff_t count, ptrdiff_t rows, REAL *target,
                       ptrdiff_t target_stride) {
  for (ptrdiff_t r = 0; r < rows; r++, source += source_stride, target += target_stride) {
    if (count == 1) *target = *source;
    else __builtin_memcpy(target, source, count * sizeof(REAL));
  }
}

static void NAME(make_calls)(const rnnkit_call *calls, ptrdiff_t count) {
  for (const rnnkit_call *call = calls; call != calls + count; call++) {
    switch (call->kind) {
    case RNNKIT_CALL_MULTIPLY:
      NAME(multiply)(call->matrix, call->a.values, call->a.stride, call->rows, call->b.values, call->b.stride,
                     call->target, call->target_stride);
      break;
    case RNNKIT_CALL_NARROW:
      NAME(multiply_narrow)(call->matrix, call->a.values, call->a.stride, call->rows, call->b.values, call->count,
                            call->target, call->target_stride);
      break;
    case RNNKIT_CALL_RUN:
      if (call->count == 1) NAME(run)(call->layers, call->pieces);
      else NAME(run_in_turn)(call->layers, call->pieces, call->count);
      break;
    case RNNKIT_CALL_ACTIVATE:
      NAME(activate)(call->activation, call->target, call->count, call->rows, call->target_stride);
      break;
    case RNNKIT_CALL_ARITHMETIC:
      NAME(arithmetic)(call->arithmetic, call->a, call->b, call->count, call->rows, call->target, call->target_stride);
      break;
    case RNNKIT_CALL_COPY:
      NAME(copy)(call->a.values, call->a.stride, call->count, call->rows, call->target, call->target_stride);
      break;
    case RNNKIT_CALL_NORMALIZE:
      NAME(normalize)(call->norm, call->a.values, call->a.stride, call->rows, call->target, call->target_stride);
      break;
    case RNNKIT_CALL_OVER_TIME:
      NAME(over_time)(call->over_time, call->a.values, call->a.stride, call->rows, call->count, call->target,
                      call->target_stride);
      break;
    case RNNKIT_CALL_ATTEND: NAME(attend)(call->attention, call->target, call->target_stride); break;
    }
  }
}

static const rnnkit_operations NAME(operations) = {
    NAME(make_calls), NAME(together), NAME(packs), NAME(in_place), NAME(activate), NAME(arithmetic),
};

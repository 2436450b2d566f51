// A run's calls, kept to be made again.
#include "CRNNKernels.h"

/// Notes that what is at `place` is an address within what the run was given, if it is within that part of it.
static void keep(rnnkit_recording *recording, void *place, rnnkit_given given) {
  const char *address = *(const char **)place, *start = recording->given[given];
  if (!address || !start || address < start || address >= start + recording->sizes[given]) return;
  if (recording->address_count == recording->most_addresses) {
    recording->is_open = false;
    return;
  }
  recording->addresses[recording->address_count++] = (rnnkit_address){place, given, address - start};
}

void rnnkit_begin(rnnkit_recording *recording, ptrdiff_t steps, ptrdiff_t stride, const void *input, ptrdiff_t input_size,
                  void *state, ptrdiff_t state_size, void *output, ptrdiff_t output_size) {
  recording->is_open = true;
  recording->is_whole = false;
  recording->steps = steps;
  recording->stride = stride;
  recording->count = recording->address_count = 0;
  recording->given[RNNKIT_INPUT] = input;
  recording->given[RNNKIT_STATE] = state;
  recording->given[RNNKIT_OUTPUT] = output;
  recording->sizes[RNNKIT_INPUT] = input_size;
  recording->sizes[RNNKIT_STATE] = state_size;
  recording->sizes[RNNKIT_OUTPUT] = output_size;
}

void rnnkit_record(rnnkit_recording *recording, const rnnkit_call *call) {
  if (!recording->is_open) return;
  if (recording->count == recording->most_calls) {
    recording->is_open = false;
    return;
  }
  rnnkit_call *kept = recording->calls + recording->count++;
  *kept = *call;
  // The input and the output may be the same memory: what is read is of the one, what is written of the other.
  rnnkit_keep_source(recording, &kept->a.values);
  rnnkit_keep_source(recording, &kept->b.values);
  keep(recording, &kept->target, RNNKIT_OUTPUT);
  for (ptrdiff_t i = 0; kept->kind == RNNKIT_CALL_RUN && i < kept->count; i++) {
    rnnkit_piece *piece = kept->pieces + i;
    keep(recording, &piece->input, RNNKIT_INPUT);
    keep(recording, &piece->h, RNNKIT_STATE);
    keep(recording, &piece->c, RNNKIT_STATE);
    keep(recording, &piece->output, RNNKIT_OUTPUT);
  }
}

void rnnkit_keep_source(rnnkit_recording *recording, const void *place) {
  if (!recording->is_open) return;
  keep(recording, (void *)place, RNNKIT_INPUT);
  keep(recording, (void *)place, RNNKIT_STATE);
}

void rnnkit_end(rnnkit_recording *recording) {
  recording->is_whole = recording->is_open;
  recording->is_open = false;
}

bool rnnkit_repeat(rnnkit_recording *recording, ptrdiff_t steps, ptrdiff_t stride, const void *input, void *state,
                   void *output) {
  if (!recording->is_whole || recording->steps != steps || recording->stride != stride ||
      !recording->given[RNNKIT_OUTPUT] != !output) {
    return false;
  }
  const char **given = recording->given;
  if (given[RNNKIT_INPUT] != input || given[RNNKIT_STATE] != state || given[RNNKIT_OUTPUT] != output) {
    given[RNNKIT_INPUT] = input;
    given[RNNKIT_STATE] = state;
    given[RNNKIT_OUTPUT] = output;
    for (ptrdiff_t i = 0; i < recording->address_count; i++) {
      const rnnkit_address *address = recording->addresses + i;
      *(const char **)address->place = given[address->given] + address->offset;
    }
  }
  recording->make_calls(recording->calls, recording->count);
  return true;
}

// XXH3-64, the checksum of the native format.
#include <xxhash.h>

// With the processor's widest vectors, where libxxhash was built to choose them; two to four times as fast.
#if defined(__x86_64__)
extern __attribute__((weak)) XXH_errorcode XXH3_64bits_update_dispatch(XXH3_state_t *, const void *, size_t);
static inline void rnn_xxh3_update(XXH3_state_t *state, const void *bytes, size_t count) {
  if (XXH3_64bits_update_dispatch) XXH3_64bits_update_dispatch(state, bytes, count);
  else XXH3_64bits_update(state, bytes, count);
}
#else
static inline void rnn_xxh3_update(XXH3_state_t *state, const void *bytes, size_t count) {
  XXH3_64bits_update(state, bytes, count);
}
#endif

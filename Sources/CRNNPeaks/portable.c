// Any processor, and the choice between the instruction sets.
#include "CRNNPeaks.h"

#define ISA portable
#define IN_FLIGHT 4
#define READ_SUMS 1
#include "body.h"

#if defined(__x86_64__)
extern const rnnkit_peaks rnnkit_peaks_avx2, rnnkit_peaks_avx512;
#endif

const rnnkit_peaks *rnnkit_peaks_named(const char *name) {
  if (__builtin_strcmp(name, "portable") == 0) return &rnnkit_peaks_portable;
#if defined(__x86_64__)
  // What sets with VNNI have more is of int8 alone.
  if (__builtin_strncmp(name, "avx2", 4) == 0) return &rnnkit_peaks_avx2;
  if (__builtin_strncmp(name, "avx512", 6) == 0) return &rnnkit_peaks_avx512;
#endif
  return 0;
}

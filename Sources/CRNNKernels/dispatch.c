// Which instruction sets the processor has.
#include "CRNNKernels.h"

extern const rnnkit_kernels rnnkit_kernels_portable;

#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
extern const rnnkit_kernels rnnkit_kernels_avx2, rnnkit_kernels_avx2vnni, rnnkit_kernels_avx512,
    rnnkit_kernels_avx512vnni;

static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static bool has_avx2vnni(void) { return has_avx2() && __builtin_cpu_supports("avxvnni"); }
static bool has_avx512vnni(void) { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#endif

const rnnkit_kernels *rnnkit_kernels_named(const char *name) {
  if (__builtin_strcmp(name, "portable") == 0) return &rnnkit_kernels_portable;
#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
  __builtin_cpu_init();
  if (__builtin_strcmp(name, "avx2") == 0 && has_avx2()) return &rnnkit_kernels_avx2;
  if (__builtin_strcmp(name, "avx2vnni") == 0 && has_avx2vnni()) return &rnnkit_kernels_avx2vnni;
  if (__builtin_strcmp(name, "avx512") == 0 && has_avx512()) return &rnnkit_kernels_avx512;
  if (__builtin_strcmp(name, "avx512vnni") == 0 && has_avx512vnni()) return &rnnkit_kernels_avx512vnni;
#endif
  return 0;
}

const rnnkit_kernels *rnnkit_kernels_best(void) {
#if defined(__x86_64__) && !defined(RNNKIT_PORTABLE_ALONE)
  __builtin_cpu_init();
  if (has_avx512vnni()) return &rnnkit_kernels_avx512vnni;
  if (has_avx512()) return &rnnkit_kernels_avx512;
  if (has_avx2vnni()) return &rnnkit_kernels_avx2vnni;
  if (has_avx2()) return &rnnkit_kernels_avx2;
#endif
  return &rnnkit_kernels_portable;
}

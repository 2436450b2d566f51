// Threads waiting for each other: on the processor, as what they wait for is mostly less than a microsecond away.
#include "CRNNKernels.h"

#include <sched.h>
#include <time.h>

/// Pauses, of some microseconds in all, before others are let run: a thread that is waited for may have no processor.
enum { PAUSES = 256 };

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void rnnkit_wait(rnnkit_barrier *barrier) {
  uint32_t round = __atomic_load_n(&barrier->round, __ATOMIC_RELAXED);
  if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->threads) {
    __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&barrier->round, round + 1, __ATOMIC_RELEASE);
    return;
  }
  for (int pauses = 0; __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round; pauses++) {
    if (pauses < PAUSES) pause_briefly();
    else sched_yield();
  }
}

static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

uint32_t rnnkit_await_change(const uint32_t *word, uint32_t old, int microseconds) {
  int64_t end = nanoseconds() + (int64_t)microseconds * 1000;
  for (uint32_t pauses = 1;; pauses++) {
    uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
    if (now != old || (pauses % 64 == 0 && nanoseconds() > end)) return now;
    pause_briefly();
  }
}

void rnnkit_change(uint32_t *word) { __atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL); }

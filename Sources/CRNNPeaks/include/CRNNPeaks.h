// What a processor can do at most, for `rnn bench` to measure the runner against: loops of one kind of work each, compiled
// for the instruction sets that the kernels are compiled for.
//
// A vector is 64 bytes, 16 float or 8 double, as in the kernels.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
  /// Fused multiply-adds of vectors, rounded up to a multiple of those in flight at once; returns how many.
  ptrdiff_t (*multiply_adds)(ptrdiff_t count);
  /// The same with divisions.
  ptrdiff_t (*divisions)(ptrdiff_t count);
  /// So many operations, each waiting for the one before it: multiply-add, addition, division, and a vector's store
  /// followed by the load of one of its elements into all of another's.
  void (*multiply_add_chain)(ptrdiff_t count);
  void (*addition_chain)(ptrdiff_t count);
  void (*division_chain)(ptrdiff_t count);
  void (*broadcast_chain)(ptrdiff_t count);
} rnnkit_arithmetic;

typedef struct {
  const char *name;
  rnnkit_arithmetic float32, float64;
  /// Reads `vectors` vectors, a multiple of 16 of them, so many times over.
  void (*read)(const void *bytes, ptrdiff_t vectors, ptrdiff_t times);
} rnnkit_peaks;

/// The loops for an instruction set that the processor is known to have; null for a name that is none.
const rnnkit_peaks *rnnkit_peaks_named(const char *name);

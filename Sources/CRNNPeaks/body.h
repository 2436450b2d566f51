// The loops, for the instruction set of the including file. IN_FLIGHT vectors fill the arithmetic's pipelines and fit the
// registers, READ_SUMS of them suffice for reading.

// Vectors wider than the registers are only ever passed to functions that are inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#define PASTE_(name, isa, suffix) name##_##isa##_##suffix
#define PASTE(name, isa, suffix) PASTE_(name, isa, suffix)
#define NAME(name) PASTE(name, ISA, SUFFIX)
#define STRING_(isa) #isa
#define STRING(isa) STRING_(isa)
#define UNROLL _Pragma("clang loop unroll(full)")

#define FMA(a, b, c) __builtin_elementwise_fma((a), (b), (c))
#define SPLAT(x) ((V)(REAL)(x))
/// Makes the compiler forget what it knows of a value in memory.
#define FORGET(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

#define REAL float
#define LANES 16
#define SUFFIX float32
#include "arithmetic.h"
#define REAL double
#define LANES 8
#define SUFFIX float64
#include "arithmetic.h"

typedef int32_t integers __attribute__((ext_vector_type(16)));

static void read_vectors(const void *bytes, ptrdiff_t vectors, ptrdiff_t times) {
  const integers *source = bytes;
  integers sums[READ_SUMS] = {0};
  for (ptrdiff_t i = 0; i < times; i++) {
    FORGET(source);
    for (ptrdiff_t at = 0; at < vectors; at += 16) {
      UNROLL for (int j = 0; j < 16; j++) sums[j % READ_SUMS] ^= source[at + j];
    }
  }
  FORGET(sums);
}

#define PEAKS_(isa) rnnkit_peaks_##isa
#define PEAKS(isa) PEAKS_(isa)

const rnnkit_peaks PEAKS(ISA) = {STRING(ISA), PASTE(arithmetic, ISA, float32), PASTE(arithmetic, ISA, float64),
                                 read_vectors};

// tanh and sigmoid over every float32 there is.
//
//   clang -O2 -ISources/CRNNKernels/include Benchmarks/exhaustive.c Sources/CRNNKernels/*.c -lm -lpthread -o exhaustive
//   ./exhaustive [avx512|avx2|portable] [threads]
//
// The reference is the C library's float64 function, whose own error is below 10^-8 ulp of a float32; where its value
// lies that near to the middle between two float32 numbers, rounding it is decided in 80-bit (on ARM, 128-bit)
// arithmetic. Prints the largest error in ulps and how often the result is the correctly rounded one. Ends with status
// 1 where an error exceeds 1.5 ulp, a larger input gives a smaller result, tanh(-x) is not -tanh(x), a result is
// outside [-1, 1] or [0, 1], or a NaN gives anything but the one NaN.
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CRNNKernels.h"

enum { CHUNK = 1 << 16, MAXIMUM_THREADS = 64 };

static const rnnkit_kernels *kernels;
static int thread_count;

typedef struct {
  int thread;
  rnnkit_function function;
  double largest, sum;
  float where;
  uint64_t finite, correct, bad_order, bad_range, bad_nan, bad_sign;
} tally;

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

static uint32_t to_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

static double reference(rnnkit_function function, double x) {
  if (function == RNNKIT_TANH) return tanh(x);
  return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static long double finer(rnnkit_function function, long double x) {
  if (function == RNNKIT_TANH) return tanhl(x);
  return x >= 0 ? 1 / (1 + expl(-x)) : expl(x) / (1 + expl(x));
}

/// The size of a unit in the last place of the float32 nearest to x.
static double ulp(double x) {
  int exponent;
  frexp(x, &exponent);
  return ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

static float round_correctly(rnnkit_function function, float x, double value) {
  float low = (float)(value * (1 - 0x1p-50)), high = (float)(value * (1 + 0x1p-50));
  return low == high ? low : (float)finer(function, x);
}

/// Looks at the results of inputs in ascending order of magnitude; `sign` is theirs.
static void look(tally *t, const float *x, const float *y, int count, float *last, int negative) {
  for (int i = 0; i < count; i++) {
    if (isnan(x[i])) {
      t->bad_nan += to_bits(y[i]) != 0x7FC00000;
      continue;
    }
    double value = reference(t->function, x[i]);
    double error = fabs(y[i] - value) / ulp(value == 0 ? 0x1p-149 : value);
    t->sum += error;
    t->finite++;
    t->correct += y[i] == round_correctly(t->function, x[i], value);
    if (!(error <= t->largest)) {
      t->largest = error;
      t->where = x[i];
    }
    t->bad_order += negative ? y[i] > *last : y[i] < *last;
    *last = y[i];
    float least = t->function == RNNKIT_TANH ? -1 : 0;
    t->bad_range += !(y[i] >= least && y[i] <= 1);
    if (t->function == RNNKIT_TANH) t->bad_sign += signbit(y[i]) != signbit(x[i]);
  }
}

static void *work(void *argument) {
  tally *t = argument;
  rnnkit_activation activation = {t->function, 0, 0};
  float *x = aligned_alloc(64, CHUNK * 4), *y = aligned_alloc(64, CHUNK * 4), *z = aligned_alloc(64, CHUNK * 4);
  // Each thread a range of magnitudes, its order checked from the number before its first.
  uint64_t all = 0x80000000u / CHUNK;
  uint64_t first = all * t->thread / thread_count, end = all * (t->thread + 1) / thread_count;
  float last_up = -2, last_down = 2;
  for (uint64_t chunk = first; chunk < end; chunk++) {
    for (uint32_t i = 0; i < CHUNK; i++) y[i] = x[i] = from_bits((uint32_t)(chunk * CHUNK) + i);
    kernels->float32.activate(activation, y, CHUNK, 1, CHUNK);
    look(t, x, y, CHUNK, &last_up, 0);
    for (uint32_t i = 0; i < CHUNK; i++) z[i] = x[i] = -x[i];
    kernels->float32.activate(activation, z, CHUNK, 1, CHUNK);
    if (t->function == RNNKIT_TANH) {
      // Exactly the positive half's results with the sign turned, so its errors are theirs.
      for (uint32_t i = 0; i < CHUNK; i++) {
        if (isnan(x[i])) t->bad_nan += to_bits(z[i]) != 0x7FC00000;
        else t->bad_sign += to_bits(z[i]) != (to_bits(y[i]) ^ 0x80000000u);
      }
    } else {
      look(t, x, z, CHUNK, &last_down, 1);
    }
  }
  free(x);
  free(y);
  free(z);
  return 0;
}

/// Whether the ends of the threads' ranges are in order too.
static uint64_t seams(rnnkit_function function) {
  rnnkit_activation activation = {function, 0, 0};
  uint64_t bad = 0;
  for (int i = 1; i < thread_count; i++) {
    uint32_t start = (uint32_t)(0x80000000u / CHUNK * (uint64_t)i / thread_count * CHUNK);
    _Alignas(64) float v[16] = {from_bits(start - 1), from_bits(start), -from_bits(start - 1), -from_bits(start)};
    if (isnan(v[1])) continue;
    kernels->float32.activate(activation, v, 16, 1, 16);
    bad += !(v[0] <= v[1]) + !(v[2] >= v[3]);
  }
  return bad;
}

int main(int count, char **arguments) {
  kernels = count > 1 ? rnnkit_kernels_named(arguments[1]) : rnnkit_kernels_best();
  if (!kernels) {
    fprintf(stderr, "%s: no such instruction set here\n", arguments[1]);
    return 64;
  }
  thread_count = count > 2 ? atoi(arguments[2]) : 2;
  if (thread_count < 1 || thread_count > MAXIMUM_THREADS) thread_count = 1;
  int status = 0;
  for (int f = 0; f < 2; f++) {
    rnnkit_function function = f ? RNNKIT_SIGMOID : RNNKIT_TANH;
    tally tallies[MAXIMUM_THREADS] = {0};
    pthread_t threads[MAXIMUM_THREADS];
    for (int i = 0; i < thread_count; i++) {
      tallies[i].thread = i;
      tallies[i].function = function;
      if (pthread_create(&threads[i], 0, work, &tallies[i])) return 70;
    }
    tally all = {0};
    for (int i = 0; i < thread_count; i++) {
      pthread_join(threads[i], 0);
      tally *t = &tallies[i];
      if (t->largest > all.largest) {
        all.largest = t->largest;
        all.where = t->where;
      }
      all.sum += t->sum;
      all.finite += t->finite;
      all.correct += t->correct;
      all.bad_order += t->bad_order;
      all.bad_range += t->bad_range;
      all.bad_nan += t->bad_nan;
      all.bad_sign += t->bad_sign;
    }
    all.bad_order += seams(function);
    printf("%s, %s: largest error %.4f ulp at %a, mean %.4f ulp, correctly rounded %.2f %%\n", f ? "sigmoid" : "tanh",
           kernels->name, all.largest, all.where, all.sum / all.finite, 100.0 * all.correct / all.finite);
    printf("  out of order %llu, out of range %llu, wrong sign %llu, NaN wrong %llu\n",
           (unsigned long long)all.bad_order, (unsigned long long)all.bad_range, (unsigned long long)all.bad_sign,
           (unsigned long long)all.bad_nan);
    if (!(all.largest <= 1.5) || all.bad_order || all.bad_range || all.bad_nan || all.bad_sign) status = 1;
    fflush(stdout);
  }
  return status;
}

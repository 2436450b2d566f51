/* What a program must be able to rely on that lives long, has threads, or forks. Each part ends with status 1 and a line
 * where it does not hold.
 *
 *     stress MODEL idle             no thread but the program's own, after everything was used once
 *     stress MODEL steps            steps call no allocator, no lock and no system call, on a thread's first use too
 *     stress MODEL fork             after a fork both processes go on, also where another thread was running
 *     stress MODEL streams          1,000 streams through 2 threads give what each gives alone
 *     stress MODEL growth COUNT     COUNT times open, run, step, fail and close take no more memory than a few
 *
 * MODEL takes float32 steps in order. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <rnnkit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

static void fail(const char *what, int line) {
  fprintf(stderr, "stress.c:%d: does not hold: %s\n", line, what);
  _exit(1);
}

/* ---- Counting what the library calls --------------------------------------------------------------------------------- */

static __thread long calls;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

// clang-format off
void *malloc(size_t size) { calls++; return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { calls++; return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { calls++; return __libc_realloc(old, size); }
void free(void *memory) { calls++; __libc_free(memory); }
void *aligned_alloc(size_t alignment, size_t size) { calls++; return __libc_memalign(alignment, size); }
// clang-format on
int posix_memalign(void **memory, size_t alignment, size_t size) {
  calls++;
  *memory = __libc_memalign(alignment, size);
  return *memory == NULL ? 12 : 0;
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
  static int (*real)(pthread_mutex_t *);
  if (real == NULL) real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
  calls++;
  return real(mutex);
}

/* ---- A model and a sequence ------------------------------------------------------------------------------------------ */

enum { steps = 32 };
static const char *path;
static int64_t inputs, outputs;

static rnnkit_plan *open_plan(void) {
  rnnkit_plan_options options = RNNKIT_PLAN_OPTIONS_INIT;
  rnnkit_plan_info info = RNNKIT_PLAN_INFO_INIT;
  rnnkit_model *model = rnnkit_open(path, NULL, NULL);
  rnnkit_plan *plan;
  CHECK(model != NULL);
  options.precision = RNNKIT_FLOAT32;
  plan = rnnkit_plan_make(model, &options, NULL);
  CHECK(plan != NULL);
  rnnkit_model_free(model);
  CHECK(rnnkit_plan_get_info(plan, &info, NULL) == RNNKIT_OK);
  CHECK(info.streamable && !info.ends_in_last_step && !info.takes_indices);
  inputs = info.input_size;
  outputs = info.output_size;
  return plan;
}

static float *sequence(unsigned seed) {
  float *x = malloc(steps * inputs * sizeof *x);
  for (int i = 0; i < steps * inputs; i++) x[i] = (float)((seed * 7919u + i * 104729u) % 2001) / 1000.0f - 1.0f;
  return x;
}

static float *run(const rnnkit_plan *plan, float *x, int threads) {
  float *y = malloc(steps * outputs * sizeof *y);
  int64_t in[2] = {steps, inputs}, out[2] = {steps, outputs};
  rnnkit_array input = {"input", x, in, NULL, RNNKIT_FLOAT32, 2}, output = {NULL, y, out, NULL, RNNKIT_FLOAT32, 2};
  rnnkit_run_options options = RNNKIT_RUN_OPTIONS_INIT;
  options.threads = threads;
  CHECK(rnnkit_run(plan, &input, 1, &output, 1, &options, NULL) == RNNKIT_OK);
  return y;
}

static void step(rnnkit_runner *runner, rnnkit_state *state, const float *x, float *y, int number) {
  CHECK(rnnkit_step_float32(runner, state, 1, x + number * inputs, inputs, y + number * outputs, outputs, NULL) ==
        RNNKIT_OK);
}

static int same(const float *a, const float *b) { return memcmp(a, b, steps * outputs * sizeof *a) == 0; }

/* ---- Parts ----------------------------------------------------------------------------------------------------------- */

static int thread_count(void) {
  DIR *folder = opendir("/proc/self/task");
  int count = -2;
  CHECK(folder != NULL);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

static void idle(void) {
  CHECK(thread_count() == 1);
  rnnkit_plan *plan = open_plan();
  float *x = sequence(1), *y = run(plan, x, 1), *z = malloc(steps * outputs * sizeof *z);
  rnnkit_runner *runner = rnnkit_runner_make(plan, 1, 1, NULL);
  rnnkit_state *state = rnnkit_state_make(plan, 1, NULL, 0, NULL);
  for (int i = 0; i < steps; i++) step(runner, state, x, z, i);
  CHECK(same(y, z));
  rnnkit_text_free(rnnkit_plan_describe(plan, NULL));
  CHECK(thread_count() == 1);
  free(run(plan, x, 2));
  CHECK(thread_count() == 1);
}

struct stepping {
  rnnkit_runner *runner;
  rnnkit_state *state;
  float *x, *y;
  long calls;
};

static void *steps_on_new_thread(void *argument) {
  struct stepping *work = argument;
  long before = calls;
  for (int i = 0; i < steps; i++) step(work->runner, work->state, work->x, work->y, i);
  work->calls = calls - before;
  return NULL;
}

static void steps_alone(void) {
  rnnkit_plan *plan = open_plan();
  struct stepping work;
  work.runner = rnnkit_runner_make(plan, 1, 1, NULL);
  rnnkit_state *start = rnnkit_state_make(plan, 1, NULL, 0, NULL);
  work.x = sequence(2);
  work.y = malloc(steps * outputs * sizeof *work.y);
  float *expected = run(plan, work.x, 1);
  long before = calls;
  free(malloc(1));
  CHECK(calls - before == 2); /* they are counted */
  /* The copy has memory of its own from the start; the first step of a thread is no other than the rest. */
  work.state = rnnkit_state_copy(start, NULL);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, steps_on_new_thread, &work) == 0);
  pthread_join(thread, NULL);
  CHECK(work.calls == 0);
  CHECK(same(work.y, expected));
  rnnkit_state_free(work.state);
  work.state = rnnkit_state_copy(start, NULL);
  pid_t child = fork();
  if (child == 0) {
    /* From here on every call of the system but read, write and exit is the end. */
    if (prctl(PR_SET_SECCOMP, 1) != 0) syscall(SYS_exit, 77);
    for (int i = 0; i < steps; i++) step(work.runner, work.state, work.x, work.y, i);
    syscall(SYS_exit, 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    puts("skipped: no seccomp here, system calls of a step are not looked for");
  } else {
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

static volatile int is_over;

static void *run_until_over(void *argument) {
  float *x = sequence(3);
  while (!is_over) {
    free(run(argument, x, 1));
    rnnkit_plan_free(open_plan());
  }
  free(x);
  return NULL;
}

static void use_all(rnnkit_plan *plan, rnnkit_runner *runner, rnnkit_state *state, float *x, const float *expected) {
  float *y = malloc(steps * outputs * sizeof *y);
  float *whole = run(plan, x, 1), *shared = run(plan, x, 2);
  CHECK(same(whole, expected) && same(shared, expected));
  for (int i = steps / 2; i < steps; i++) step(runner, state, x, y, i);
  CHECK(memcmp(y + steps / 2 * outputs, expected + steps / 2 * outputs, (steps - steps / 2) * outputs * sizeof *y) ==
        0);
  rnnkit_plan *another = open_plan();
  float *again = run(another, x, 1);
  CHECK(same(again, expected));
  rnnkit_plan_free(another);
  free(y), free(whole), free(shared), free(again);
}

static void forks(void) {
  rnnkit_plan *plan = open_plan();
  rnnkit_runner *runner = rnnkit_runner_make(plan, 1, 1, NULL);
  float *x = sequence(4), *expected = run(plan, x, 1), *y = malloc(steps * outputs * sizeof *y);
  pthread_t busy;
  for (int round = 0; round < 40; round++) {
    rnnkit_state *state = rnnkit_state_make(plan, 1, NULL, 0, NULL);
    for (int i = 0; i < steps / 2; i++) step(runner, state, x, y, i);
    /* In the second half of the rounds another thread is inside the library. */
    if (round == 20) CHECK(pthread_create(&busy, NULL, run_until_over, plan) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(60);
      use_all(plan, runner, state, x, expected);
      rnnkit_state_free(state);
      rnnkit_runner_free(runner);
      rnnkit_plan_free(plan);
      _exit(0);
    }
    use_all(plan, runner, state, x, expected);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    rnnkit_state_free(state);
  }
  is_over = 1;
  pthread_join(busy, NULL);
}

enum { streams = 1000 };
static rnnkit_plan *shared_plan;
static rnnkit_state *states[streams];
static float *given[streams], *got[streams];

static void *half_of_streams(void *argument) {
  int first = *(int *)argument;
  rnnkit_runner *runner = rnnkit_runner_make(shared_plan, 1, 1, NULL);
  CHECK(runner != NULL);
  for (int number = 0; number < steps; number++)
    for (int stream = first; stream < streams; stream += 2)
      step(runner, states[stream], given[stream], got[stream], number);
  rnnkit_runner_free(runner);
  return NULL;
}

static void many_streams(void) {
  pthread_t threads[2];
  int first[2] = {0, 1};
  shared_plan = open_plan();
  for (int stream = 0; stream < streams; stream++) {
    states[stream] = rnnkit_state_make(shared_plan, 1, NULL, 0, NULL);
    given[stream] = sequence(100 + stream);
    got[stream] = malloc(steps * outputs * sizeof(float));
  }
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, half_of_streams, &first[i]) == 0);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int stream = 0; stream < streams; stream++) {
    float *expected = run(shared_plan, given[stream], 1);
    CHECK(same(got[stream], expected));
    free(expected);
  }
}

static long resident(void) {
  long size = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld", &size, &pages) == 2);
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

static void once(long number) {
  rnnkit_error *error = NULL;
  rnnkit_plan *plan = open_plan();
  float *x = sequence(5), *y = run(plan, x, 1);
  rnnkit_runner *runner = rnnkit_runner_make(plan, 1, 1, &error);
  rnnkit_state *state = rnnkit_state_make(plan, 1, NULL, 0, &error), *copy = rnnkit_state_copy(state, &error);
  float *z = malloc(steps * outputs * sizeof *z);
  for (int i = 0; i < steps; i++) step(runner, copy, x, z, i);
  CHECK(same(y, z));
  rnnkit_text_free(rnnkit_plan_describe(plan, NULL));
  CHECK(rnnkit_open("no such file", NULL, &error) == NULL && rnnkit_error_kind(error) == RNNKIT_MISSING_INPUT);
  rnnkit_error_free(error);
  if (number % 16 == 0) free(run(plan, x, 2));
  rnnkit_state_free(state);
  rnnkit_state_free(copy);
  rnnkit_plan_free(plan);
  rnnkit_runner_free(runner);
  free(x), free(y), free(z);
}

static void growth(long count) {
  long before = 0;
  for (long number = 0; number < count; number++) {
    once(number);
    if (number == count / 10) before = resident();
    if (count >= 1000000 && number % (count / 20) == 0)
      printf("%ld of %ld: %ld KiB resident\n", number, count, resident() >> 10), fflush(stdout);
  }
  long after = resident();
  printf("%ld times: %ld KiB resident after a tenth, %ld KiB at the end\n", count, before >> 10, after >> 10);
  CHECK(after - before < 1 << 20);
}

int main(int count, char **arguments) {
  if (count < 3) return 64;
  path = arguments[1];
  if (strcmp(arguments[2], "idle") == 0) idle();
  else if (strcmp(arguments[2], "steps") == 0) steps_alone();
  else if (strcmp(arguments[2], "fork") == 0) forks();
  else if (strcmp(arguments[2], "streams") == 0) many_streams();
  else if (strcmp(arguments[2], "growth") == 0 && count > 3) growth(atol(arguments[3]));
  else return 64;
  return 0;
}

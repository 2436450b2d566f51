/*
 * rnnkit.h - run, check and convert recurrent networks
 *
 * A model is opened from a file of any format that RNNKit reads, prepared for running as a plan, and run on whole
 * sequences (rnnkit_run) or step by step (rnnkit_step_...). Results have the same bits for every batch size, chunk size,
 * number of threads and processor, and equal those of the command `rnn`.
 *
 *     rnnkit_error *error = NULL;
 *     rnnkit_model *model = rnnkit_open("model.rnn", NULL, &error);
 *     rnnkit_plan *plan = rnnkit_plan_make(model, NULL, &error);
 *
 * Errors. A function that returns a pointer returns NULL on failure. One that returns int32_t returns 0, RNNKIT_OK, or the
 * kind of the error. If `error` is not NULL, a failure sets *error to an object that the caller frees with
 * rnnkit_error_free; success leaves *error unchanged. No argument can crash the process, as long as pointers lead to as
 * much memory as the arguments say and handles have not been freed. Remedies name members of the option structs:
 * `options.batch_first`, `options.forward = "fc(x)"`.
 *
 * Memory. Each kind of handle has its own _free function, and text is freed with rnnkit_text_free; all accept NULL. Handles
 * may be freed in any order: a plan keeps what it needs of its model, a runner its plan. No function keeps a pointer that
 * it was given; text is copied.
 *
 * Threads. Models and plans are immutable: any number of threads may use one at once. A runner, a state or an error is used
 * by one thread at a time, but not necessarily by the thread that made it. The library has no global state, holds no lock
 * while it computes, and starts threads only if `threads` is more than 1; they end before the call returns. Real-time
 * threads, which must not wait or allocate, may call only rnnkit_step_... and rnnkit_version.
 *
 * Processes. After fork(), parent and child may both use every handle that no other thread was using. Reading or writing
 * HDF5 and Keras files starts the program rnn-hdf5 and waits for it. It is looked for in the environment variable
 * RNNKIT_HDF5, beside the library, and in ../libexec/rnnkit and ../../libexec/rnnkit of the library's folder. The library
 * installs no signal handler and uses no standard stream.
 *
 * Files are mapped, not copied. If another program truncates a model file while it is open, the system sends SIGBUS, as
 * with every mapped file. Replace files by renaming, or use rnnkit_open_memory.
 *
 * Compatibility. Option structs begin with struct_size, which the caller sets to sizeof. Later versions append members, and
 * treat the missing members of a smaller struct as 0. Set a struct to zeros first, or use its ..._INIT. Members that are 0
 * or NULL mean the default. rnnkit_array never changes. Functions are added, never changed.
 *
 * Text is UTF-8. Paths are bytes, and "-" is an ordinary file name.
 */
#ifndef RNNKIT_H
#define RNNKIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. */
#define RNNKIT_VERSION_MAJOR 0
#define RNNKIT_VERSION_MINOR 1
#define RNNKIT_VERSION_PATCH 0

/* The version of the library, "0.1.0". The text is static; do not free it. */
const char *rnnkit_version(void);

/* ---- Errors ---------------------------------------------------------------------------------------------------------- */

/* Kinds of errors. The numbers are the exit statuses of `rnn`. */
enum {
  RNNKIT_OK = 0,
  RNNKIT_USAGE = 64,         /* arguments contradict each other, the file or the plan, or are missing */
  RNNKIT_BAD_DATA = 65,      /* a file or an array is damaged, contradicts itself or is not supported */
  RNNKIT_MISSING_INPUT = 66, /* an input file is missing or must not be read */
  RNNKIT_DEFECT = 70,        /* a bug in RNNKit */
  RNNKIT_CANNOT_CREATE = 73, /* a file cannot be created */
  RNNKIT_INPUT_OUTPUT = 74   /* an I/O error while reading or writing */
};

typedef struct rnnkit_error rnnkit_error;

/* The kind of the error; RNNKIT_OK for NULL. */
int32_t rnnkit_error_kind(const rnnkit_error *error);

/* The whole error on one line: file, place, problem; remedy. An error's texts are valid until it is freed. */
const char *rnnkit_error_message(const rnnkit_error *error);

/* Its parts: the file as the caller named it, the place in it, what is wrong, what to do. NULL if it has no such part. */
const char *rnnkit_error_file(const rnnkit_error *error);
const char *rnnkit_error_place(const rnnkit_error *error);
const char *rnnkit_error_problem(const rnnkit_error *error);
const char *rnnkit_error_remedy(const rnnkit_error *error);

/* How texts spell options: as in C, `options.forward = "fc(x)"`, or as in Python, `forward='fc(x)'`, for packages of that
 * language. */
enum {
  RNNKIT_WORDS_C = 0,
  RNNKIT_WORDS_PYTHON = 1
};

/* What is wrong and what to do, with options spelled that way. The caller frees the text. NULL if there is no such part. */
char *rnnkit_error_problem_in(const rnnkit_error *error, int32_t words);
char *rnnkit_error_remedy_in(const rnnkit_error *error, int32_t words);

void rnnkit_error_free(rnnkit_error *error);

/* Frees text that a function returned or stored in a char **. */
void rnnkit_text_free(char *text);

/* ---- Arrays ---------------------------------------------------------------------------------------------------------- */

/* Types of elements, in the machine's byte order. */
enum {
  RNNKIT_FLOAT32 = 1,
  RNNKIT_FLOAT64 = 2,
  RNNKIT_INT64 = 3,
  RNNKIT_INT32 = 4,
  RNNKIT_FLOAT16 = 5,
  RNNKIT_BFLOAT16 = 6,
  RNNKIT_INT16 = 7,
  RNNKIT_INT8 = 8,
  RNNKIT_UINT64 = 9,
  RNNKIT_UINT32 = 10,
  RNNKIT_UINT16 = 11,
  RNNKIT_UINT8 = 12,
  RNNKIT_BOOL = 13 /* a byte, 0 or 1 */
};

/* The maximum number of axes of an array. */
#define RNNKIT_MAXIMUM_RANK 8

/* An array in the caller's memory. Elements need not be aligned. */
typedef struct rnnkit_array {
  /* Which input, state or output it is. NULL for the only input, or for the forward's first output. */
  const char *name;
  /* The element whose indices are all 0. Inputs are not written to. */
  void *data;
  /* Sizes of the axes, outermost first. */
  const int64_t *shape;
  /* Strides of the axes in bytes; may be 0 or negative. NULL for a dense, row-major array. */
  const int64_t *strides;
  /* RNNKIT_FLOAT32 and so on. */
  int32_t type;
  /* The number of axes. */
  int32_t rank;
} rnnkit_array;

/* ---- Models ---------------------------------------------------------------------------------------------------------- */

typedef struct rnnkit_model rnnkit_model;

/* What a model file may not say. Each member is the option of `rnn` with that name. */
typedef struct rnnkit_open_options {
  size_t struct_size;
  /* --from: the format's name. NULL recognises it by content. */
  const char *format;
  /* --state-dict: which of several models in the file to open, "ema" or "policy.pth:ema". */
  const char *state_dict;
  /* --config: the path of a config, for Keras weights without one. */
  const char *config;
  /* --forward: the forward line, "fc(last(lstm(x)))". */
  const char *forward;
  /* --nonlinearity: "tanh" or "relu". */
  const char *nonlinearity;
  /* --head-activation: "tanh", "relu", "sigmoid", "softmax" or "log_softmax". */
  const char *head_activation;
  /* --module: use only these modules, in this order. */
  const char *const *modules;
  size_t module_count;
  /* --rename: "OLD=NEW". */
  const char *const *renames;
  size_t rename_count;
  /* --ignore: "masks", "half-precision", "unreadable", "randomness", "forward". */
  const char *const *ignored;
  size_t ignored_count;
  /* --batch-first, if not 0. */
  int32_t batch_first;
  /* --timeout: seconds of CPU time that reading HDF5 may take without progress. */
  int32_t timeout;
  /* RNNKIT_WORDS_C or RNNKIT_WORDS_PYTHON: how notes in reports of the model and its plans spell options. */
  int32_t words;
} rnnkit_open_options;

#define RNNKIT_OPEN_OPTIONS_INIT \
  { sizeof(rnnkit_open_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0 }

/* Opens and checks a model file. Its format is recognised by content. `options` may be NULL. */
rnnkit_model *rnnkit_open(const char *path, const rnnkit_open_options *options, rnnkit_error **error);

/* Opens a model from a file's bytes, which are copied. `name` stands for the file in errors and reports; NULL means
 * "memory". Other files that the bytes refer to, such as ONNX's external data, are not opened. */
rnnkit_model *rnnkit_open_memory(
    const void *bytes, size_t size, const char *name, const rnnkit_open_options *options, rnnkit_error **error);

void rnnkit_model_free(rnnkit_model *model);

/* The model's content as JSON: architecture with the forward line, modules, parameters, reference cases, metadata and
 * assumptions (`rnn inspect --json`, Schemas/inspect.schema.json). Reads every weight once. */
char *rnnkit_describe(const rnnkit_model *model, rnnkit_error **error);

/* Copies tensors of the model, or members of the reference case `case_name` if it is not NULL, into arrays. An array must
 * have its tensor's type and shape, which rnnkit_describe reports. Parameters, extra tensors, and inputs and outputs of
 * cases can be read. On failure nothing is written. */
int32_t rnnkit_model_read(
    const rnnkit_model *model, const char *case_name, const rnnkit_array *tensors, size_t tensor_count,
    rnnkit_error **error);

/* Replays the model's reference cases. Sets *holds to 1 if every case holds, else to 0, and *report, if not NULL, to
 * JSON (`rnn verify --json`, Schemas/verify.schema.json). A model without a case is RNNKIT_BAD_DATA. */
int32_t rnnkit_verify(const rnnkit_model *model, int32_t *holds, char **report, rnnkit_error **error);

/* A copy of the model with one more reference case: `input` and the framework's outputs, identified by name. The arrays are
 * copied. `model` is not changed. */
rnnkit_model *rnnkit_model_with_case(
    const rnnkit_model *model, const char *name, const rnnkit_array *members, size_t member_count, rnnkit_error **error);

typedef struct rnnkit_convert_options {
  size_t struct_size;
  /* --to: the format's name; NULL takes it from the path's extension. */
  const char *format;
  /* --dtype: "f64", "f32", "f16", "bf16" or "int8"; NULL keeps every bit. */
  const char *dtype;
  /* --no-cases, if not 0. */
  int32_t no_cases;
  /* --force, if not 0: replace an existing file. */
  int32_t force;
  /* --timeout: seconds of CPU time that writing HDF5 may take without progress. */
  int32_t timeout;
} rnnkit_convert_options;

#define RNNKIT_CONVERT_OPTIONS_INIT { sizeof(rnnkit_convert_options), NULL, NULL, 0, 0, 0 }

/* Writes the model to a file, completely or not at all. Sets *report, if not NULL, to JSON that says what was renamed,
 * assumed, rounded or left out (`rnn convert --json`, Schemas/convert.schema.json). `options` may be NULL. */
int32_t rnnkit_convert(
    const rnnkit_model *model, const char *path, const rnnkit_convert_options *options, char **report, rnnkit_error **error);

/* ---- Plans and whole sequences --------------------------------------------------------------------------------------- */

typedef struct rnnkit_plan rnnkit_plan;

typedef struct rnnkit_plan_options {
  size_t struct_size;
  /* A different forward line over the model's modules; NULL for the model's own. */
  const char *forward;
  /* Use only these modules, in this order. */
  const char *const *modules;
  size_t module_count;
  /* RNNKIT_FLOAT32 or RNNKIT_FLOAT64; 0 for float64 if any weight is float64, else float32. */
  int32_t precision;
  /* The maximum number of threads of rnnkit_run; 0 for 1. It does not change results. */
  int32_t threads;
} rnnkit_plan_options;

#define RNNKIT_PLAN_OPTIONS_INIT { sizeof(rnnkit_plan_options), NULL, NULL, 0, 0, 0 }

/* Prepares a model for running: packs its weights for the processor. `options` may be NULL. */
rnnkit_plan *rnnkit_plan_make(const rnnkit_model *model, const rnnkit_plan_options *options, rnnkit_error **error);

void rnnkit_plan_free(rnnkit_plan *plan);

/* The plan's inputs and outputs as JSON: forward line, names and shapes of inputs, members and states, which member is the
 * result, and the notes that `rnn run` prints, about assumptions and about tensors that no run uses
 * (Schemas/plan.schema.json). */
char *rnnkit_plan_describe(const rnnkit_plan *plan, rnnkit_error **error);

typedef struct rnnkit_plan_info {
  size_t struct_size;
  /* Features per step of the first input (1 for an embedding's index) and of the first output. */
  int64_t input_size;
  int64_t output_size;
  int32_t input_count;
  int32_t output_count;
  /* RNNKIT_FLOAT32 or RNNKIT_FLOAT64: the type of every output. */
  int32_t precision;
  /* 1 or 0: inputs are (batch, time, features) rather than (time, batch, features). */
  int32_t batch_first;
  /* 1 or 0: the first input is integers, indices of an embedding, without a feature axis. */
  int32_t takes_indices;
  /* 1 or 0: the first output is one value for each sequence rather than one for each step. */
  int32_t ends_in_last_step;
  /* 1 or 0: time only runs forward, so runners can be made and sequences can run in chunks. */
  int32_t streamable;
} rnnkit_plan_info;

#define RNNKIT_PLAN_INFO_INIT { sizeof(rnnkit_plan_info), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Fills in the first info->struct_size bytes of *info. */
int32_t rnnkit_plan_get_info(const rnnkit_plan *plan, rnnkit_plan_info *info, rnnkit_error **error);

/* The shape that a member will have in a run of `steps` steps and `batch` rows; `batch` is -1 for an input without a batch
 * axis. `name` is NULL for the forward's first output. Sets *rank and the first *rank elements of `shape`. */
int32_t rnnkit_plan_get_shape(
    const rnnkit_plan *plan, const char *name, int64_t steps, int64_t batch, int64_t shape[RNNKIT_MAXIMUM_RANK],
    int32_t *rank, rnnkit_error **error);

typedef struct rnnkit_state rnnkit_state;

typedef struct rnnkit_run_options {
  size_t struct_size;
  /* The initial state, which the run updates to its final state. NULL for the model's own initial state, or the inputs h0
   * and c0. */
  rnnkit_state *state;
  /* The maximum number of threads; 0 for the plan's. */
  int32_t threads;
} rnnkit_run_options;

#define RNNKIT_RUN_OPTIONS_INIT { sizeof(rnnkit_run_options), NULL, 0 }

/* Runs whole sequences.
 *
 * inputs   The input, (time, batch, features) or, if the plan is batch-first, (batch, time, features). The batch axis may
 *          be missing; indices of an embedding have no feature axis. Several inputs are identified by name. Dense arrays
 *          are read in place. Optional: "lengths", the number of valid steps of each row, and "h0", "c0", "<module>.h0",
 *          ..., the initial state. Floats are rounded or widened to the plan's precision.
 * outputs  Any members of the run: "output", "hn", "cn", "y", "<module>.hn", a name from the forward line. Their type is
 *          the plan's precision, and their shape that of rnnkit_plan_get_shape. Outputs may overlap inputs.
 *
 * As with PyTorch's packed sequences, output past a row's length is zero, and states are those of its last valid step. On
 * failure nothing is written. `options` may be NULL. */
int32_t rnnkit_run(
    const rnnkit_plan *plan, const rnnkit_array *inputs, size_t input_count, const rnnkit_array *outputs,
    size_t output_count, const rnnkit_run_options *options, rnnkit_error **error);

/* ---- States ---------------------------------------------------------------------------------------------------------- */

/* The initial state of a batch: the model's own, else zeros, overridden by the given members: "h0", "c0",
 * "<module>.h0", ..., each (layers * directions, batch, size). `members` may be NULL if `member_count` is 0. */
rnnkit_state *rnnkit_state_make(
    const rnnkit_plan *plan, int64_t batch, const rnnkit_array *members, size_t member_count, rnnkit_error **error);

rnnkit_state *rnnkit_state_copy(const rnnkit_state *state, rnnkit_error **error);

void rnnkit_state_free(rnnkit_state *state);

/* The number of rows; 0 for NULL. */
int64_t rnnkit_state_batch(const rnnkit_state *state);

/* Copies members of the state, "h0", "c0", ..., into arrays of the plan's precision. */
int32_t rnnkit_state_read(
    const rnnkit_state *state, const rnnkit_array *members, size_t member_count, rnnkit_error **error);

/* Writes the state to a .npz or .json file, as `rnn run --state-out` does. */
int32_t rnnkit_state_save(const rnnkit_state *state, const char *path, int32_t force, rnnkit_error **error);

/* Reads a state from a file written by rnnkit_state_save or `rnn run --state-out`, or from a file of a run's outputs. */
rnnkit_state *rnnkit_state_load(const rnnkit_plan *plan, const char *path, rnnkit_error **error);

/* ---- Step by step ---------------------------------------------------------------------------------------------------- */

/* Runs a plan step by step, in memory that is allocated in advance: for audio callbacks and other real-time threads. One
 * runner may serve many states, one for each stream. */
typedef struct rnnkit_runner rnnkit_runner;

/* `maximum_steps` is the number of steps computed at once; longer calls are split into chunks. A larger number is faster
 * and takes more memory. The plan must be streamable, with one input and one output. */
rnnkit_runner *rnnkit_runner_make(
    const rnnkit_plan *plan, int64_t batch, int64_t maximum_steps, rnnkit_error **error);

void rnnkit_runner_free(rnnkit_runner *runner);

/* Runs `steps` steps and updates the state to the last of them. Allocates nothing, takes no lock and makes no system call;
 * only a failure allocates an error, unless `error` is NULL.
 *
 * input    (steps, batch, features), dense; for the ..._indices_... functions (steps, batch) integers
 * output   (steps, batch, features), or (batch, features) if the plan ends in the last step; must not overlap the input
 *
 * The counts are numbers of elements, and must match these shapes exactly. float32 and float64 must be the plan's
 * precision. */
int32_t rnnkit_step_float32(
    rnnkit_runner *runner, rnnkit_state *state, int64_t steps, const float *input, size_t input_count, float *output,
    size_t output_count, rnnkit_error **error);
int32_t rnnkit_step_float64(
    rnnkit_runner *runner, rnnkit_state *state, int64_t steps, const double *input, size_t input_count, double *output,
    size_t output_count, rnnkit_error **error);
int32_t rnnkit_step_indices_float32(
    rnnkit_runner *runner, rnnkit_state *state, int64_t steps, const int64_t *input, size_t input_count, float *output,
    size_t output_count, rnnkit_error **error);
int32_t rnnkit_step_indices_float64(
    rnnkit_runner *runner, rnnkit_state *state, int64_t steps, const int64_t *input, size_t input_count, double *output,
    size_t output_count, rnnkit_error **error);

#ifdef __cplusplus
}
#endif

#endif

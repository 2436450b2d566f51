/*
 * rnnkit.h - run, check and convert recurrent networks
 *
 * A model is opened from a file of any format that RNNKit reads, made ready to run as a plan, and run on whole sequences
 * (rnnkit_run) or step by step (rnnkit_step_...). Results have the same bits whatever the batch, the pieces in time, the
 * number of threads and the processor, and are those of the command `rnn`.
 *
 *     rnnkit_error *error = NULL;
 *     rnnkit_model *model = rnnkit_open("model.rnn", NULL, &error);
 *     rnnkit_plan *plan = rnnkit_plan_make(model, NULL, &error);
 *
 * Errors. A function that makes something returns NULL where it fails; one that returns int32_t returns 0, RNNKIT_OK, or
 * the kind of what failed. Where `error` is not NULL, a failure sets *error to an object that the caller frees with
 * rnnkit_error_free; success leaves *error as it was. Nothing that a caller passes ends the process, so long as pointers
 * lead to as much memory as is said of it and handles are alive. Remedies name what can be said by the members of the
 * structs of options: `options.batch_first`, `options.forward = "fc(x)"`.
 *
 * Memory. Handles are freed with their own _free function, text with rnnkit_text_free; each takes NULL. Handles may be
 * freed in any order: a plan keeps what it needs of its model, a runner its plan. Nothing that is passed in is kept, and
 * text is copied.
 *
 * Threads. Models and plans never change: any number of threads may use one at once. A runner, a state or an error is used
 * by one thread at a time, but need not stay with the thread that made it. The library has no state of its own beside its
 * handles, holds no lock while it computes, and starts no thread but where `threads` is more than 1; such threads end
 * before the call returns. Only rnnkit_step_... and rnnkit_version are for threads that must not wait or allocate.
 *
 * Processes. After fork(), parent and child may both go on with every handle that no other thread was using. Reading or
 * writing HDF5 and Keras files starts the program rnn-hdf5 and waits for it; it is looked for in the environment variable
 * RNNKIT_HDF5, beside the library, and in ../libexec/rnnkit and ../../libexec/rnnkit of the library's folder. No signal
 * handler is installed and no standard stream is used.
 *
 * Files are mapped, not copied. A program that shortens a model file while it is open here makes the system send SIGBUS,
 * as with every mapped file; replace files by renaming, or use rnnkit_open_memory.
 *
 * Compatibility. Structs of options begin with struct_size, which the caller sets to sizeof: later versions append members,
 * and take a smaller struct's missing members as 0. Set a struct to zeros first, or use its ..._INIT. Members that are 0
 * or NULL mean the default. rnnkit_array never changes. Functions are added, never changed.
 *
 * Text is UTF-8; paths are bytes, and "-" is a file like any other.
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

/* The version of the library, "0.1.0". The text is never freed. */
const char *rnnkit_version(void);

/* ---- Errors ---------------------------------------------------------------------------------------------------------- */

/* What kind of thing failed; the numbers are the exit statuses of `rnn`. */
enum {
  RNNKIT_OK = 0,
  RNNKIT_USAGE = 64,         /* arguments contradict each other, the file or the plan, or are missing */
  RNNKIT_BAD_DATA = 65,      /* a file or an array is damaged, contradicts itself or is not supported */
  RNNKIT_MISSING_INPUT = 66, /* a file that was to be read is missing or may not be read */
  RNNKIT_DEFECT = 70,        /* a defect of RNNKit */
  RNNKIT_CANNOT_CREATE = 73, /* a file cannot be created */
  RNNKIT_INPUT_OUTPUT = 74   /* reading or writing failed half-way */
};

typedef struct rnnkit_error rnnkit_error;

/* One of the kinds above; RNNKIT_OK for NULL. */
int32_t rnnkit_error_kind(const rnnkit_error *error);

/* The whole error on one line: file, place, problem; remedy. The texts of an error live as long as it does. */
const char *rnnkit_error_message(const rnnkit_error *error);

/* Its parts: the file as the caller named it, where in it, what is wrong, what to do. NULL where there is no such part. */
const char *rnnkit_error_file(const rnnkit_error *error);
const char *rnnkit_error_place(const rnnkit_error *error);
const char *rnnkit_error_problem(const rnnkit_error *error);
const char *rnnkit_error_remedy(const rnnkit_error *error);

/* Whose words a text has for what can be said: C's `options.forward = "fc(x)"`, or Python's `forward='fc(x)'`, for packages
 * of that language. */
enum {
  RNNKIT_WORDS_C = 0,
  RNNKIT_WORDS_PYTHON = 1
};

/* What is wrong and what to do in such words, text of the caller's. NULL where there is no such part. */
char *rnnkit_error_problem_in(const rnnkit_error *error, int32_t words);
char *rnnkit_error_remedy_in(const rnnkit_error *error, int32_t words);

void rnnkit_error_free(rnnkit_error *error);

/* Frees text that a function returned or set through a char **. */
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

/* The most axes that an array may have here. */
#define RNNKIT_MAXIMUM_RANK 8

/* An array in the caller's memory. Elements need not be aligned. */
typedef struct rnnkit_array {
  /* Which input, state or output it is. NULL for the only input, and for what the forward gives first. */
  const char *name;
  /* The element whose indices are all 0. Not written to where the array goes in. */
  void *data;
  /* Sizes of the axes, outermost first. */
  const int64_t *shape;
  /* Bytes from one index of each axis to the next, 0 and negative ones included; NULL for dense rows. */
  const int64_t *strides;
  /* RNNKIT_FLOAT32 and so on. */
  int32_t type;
  /* How many axes there are. */
  int32_t rank;
} rnnkit_array;

/* ---- Models ---------------------------------------------------------------------------------------------------------- */

typedef struct rnnkit_model rnnkit_model;

/* What the file of a model may not say; each member is the option of `rnn` of that name. */
typedef struct rnnkit_open_options {
  size_t struct_size;
  /* --from: the format's name, instead of recognising it by content. */
  const char *format;
  /* --state-dict: which of several models in the file, "ema" or "policy.pth:ema". */
  const char *state_dict;
  /* --config: the path of the config of Keras weights that have none. */
  const char *config;
  /* --forward: what is computed, "fc(last(lstm(x)))". */
  const char *forward;
  /* --nonlinearity: "tanh" or "relu". */
  const char *nonlinearity;
  /* --head-activation: "tanh", "relu", "sigmoid", "softmax" or "log_softmax". */
  const char *head_activation;
  /* --module: take these modules alone, in this order. */
  const char *const *modules;
  size_t module_count;
  /* --rename: "OLD=NEW". */
  const char *const *renames;
  size_t rename_count;
  /* --ignore: "masks", "half-precision", "unreadable", "randomness", "forward". */
  const char *const *ignored;
  size_t ignored_count;
  /* --batch-first, where not 0. */
  int32_t batch_first;
  /* --timeout: seconds of CPU time in which reading HDF5 must get further. */
  int32_t timeout;
  /* RNNKIT_WORDS_C or RNNKIT_WORDS_PYTHON: the words of the notes in reports of the model and of its plans. */
  int32_t words;
} rnnkit_open_options;

#define RNNKIT_OPEN_OPTIONS_INIT \
  { sizeof(rnnkit_open_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0 }

/* Opens a model file, recognised by content, and checks it. `options` may be NULL. */
rnnkit_model *rnnkit_open(const char *path, const rnnkit_open_options *options, rnnkit_error **error);

/* The same of a file's bytes, which are copied. `name` stands for the file in errors and reports; NULL for "memory". Files
 * that these bytes name, as ONNX's external data, are not looked for. */
rnnkit_model *rnnkit_open_memory(
    const void *bytes, size_t size, const char *name, const rnnkit_open_options *options, rnnkit_error **error);

void rnnkit_model_free(rnnkit_model *model);

/* What the model holds as JSON: architecture with the forward line, modules, parameters, reference cases, metadata, and
 * what was assumed (`rnn inspect --json`, Schemas/inspect.schema.json). Reads every weight once. */
char *rnnkit_describe(const rnnkit_model *model, rnnkit_error **error);

/* Copies tensors of the model, or with `case_name` members of that reference case, into arrays of their own types and shapes,
 * which rnnkit_describe tells: parameters, what is carried along, inputs and outputs of cases. Where it fails nothing was
 * written. */
int32_t rnnkit_model_read(
    const rnnkit_model *model, const char *case_name, const rnnkit_array *tensors, size_t tensor_count,
    rnnkit_error **error);

/* Replays the model's reference cases. Sets *holds to 1 where every case holds, else to 0, and *report, if not NULL, to
 * JSON (`rnn verify --json`, Schemas/verify.schema.json). A model without a case is RNNKIT_BAD_DATA. */
int32_t rnnkit_verify(const rnnkit_model *model, int32_t *holds, char **report, rnnkit_error **error);

/* The same model with one more reference case: `input` and the outputs its framework gave, by their names. The arrays are
 * copied. The model that is given stays as it is. */
rnnkit_model *rnnkit_model_with_case(
    const rnnkit_model *model, const char *name, const rnnkit_array *members, size_t member_count, rnnkit_error **error);

typedef struct rnnkit_convert_options {
  size_t struct_size;
  /* --to: the format's name; NULL for what the path's extension tells. */
  const char *format;
  /* --dtype: "f64", "f32", "f16" or "bf16"; NULL keeps every bit. */
  const char *dtype;
  /* --no-cases, where not 0. */
  int32_t no_cases;
  /* --force: replace an existing file, where not 0. */
  int32_t force;
  /* --timeout: seconds of CPU time in which writing HDF5 must get further. */
  int32_t timeout;
} rnnkit_convert_options;

#define RNNKIT_CONVERT_OPTIONS_INIT { sizeof(rnnkit_convert_options), NULL, NULL, 0, 0, 0 }

/* Writes the model to a file, which appears whole or not at all. Sets *report, if not NULL, to JSON that says what was
 * mapped, assumed, rounded or left out (`rnn convert --json`, Schemas/convert.schema.json). `options` may be NULL. */
int32_t rnnkit_convert(
    const rnnkit_model *model, const char *path, const rnnkit_convert_options *options, char **report, rnnkit_error **error);

/* ---- Plans and whole sequences --------------------------------------------------------------------------------------- */

typedef struct rnnkit_plan rnnkit_plan;

typedef struct rnnkit_plan_options {
  size_t struct_size;
  /* Another forward of the model's modules than its own; NULL for its own. */
  const char *forward;
  /* These modules alone, in this order. */
  const char *const *modules;
  size_t module_count;
  /* RNNKIT_FLOAT32 or RNNKIT_FLOAT64; 0 for float64 where a weight is float64, else float32. */
  int32_t precision;
  /* How many threads rnnkit_run may use; 0 for 1. Results are the same. */
  int32_t threads;
} rnnkit_plan_options;

#define RNNKIT_PLAN_OPTIONS_INIT { sizeof(rnnkit_plan_options), NULL, NULL, 0, 0, 0 }

/* Makes a model ready to run: its weights packed for the processor. `options` may be NULL. */
rnnkit_plan *rnnkit_plan_make(const rnnkit_model *model, const rnnkit_plan_options *options, rnnkit_error **error);

void rnnkit_plan_free(rnnkit_plan *plan);

/* What goes in and comes out as JSON: forward line, names and shapes of inputs, members and states, which member is the
 * result, and notes of what was assumed of the model's file and what no run takes in, which `rnn run` prints
 * (Schemas/plan.schema.json). */
char *rnnkit_plan_describe(const rnnkit_plan *plan, rnnkit_error **error);

typedef struct rnnkit_plan_info {
  size_t struct_size;
  /* Features of a step of the first input, 1 for an embedding's index, and of the first output. */
  int64_t input_size;
  int64_t output_size;
  int32_t input_count;
  int32_t output_count;
  /* RNNKIT_FLOAT32 or RNNKIT_FLOAT64: the type of every output. */
  int32_t precision;
  /* 1 or 0: inputs are (batch, time, features) rather than (time, batch, features). */
  int32_t batch_first;
  /* 1 or 0: the first input is whole numbers, indices of an embedding, without an axis of features. */
  int32_t takes_indices;
  /* 1 or 0: the first output is one value for each sequence rather than one for each step. */
  int32_t ends_in_last_step;
  /* 1 or 0: time only runs forward, so that runners can be made and sequences be run in pieces. */
  int32_t streamable;
} rnnkit_plan_info;

#define RNNKIT_PLAN_INFO_INIT { sizeof(rnnkit_plan_info), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Fills in *info, as much as info->struct_size says there is of it. */
int32_t rnnkit_plan_get_info(const rnnkit_plan *plan, rnnkit_plan_info *info, rnnkit_error **error);

/* The shape of a member of a run of so many steps and rows, before it is run; `batch` is -1 for an input without an axis
 * for the batch. `name` is NULL for what the forward gives first. Sets *rank and the first *rank elements of `shape`. */
int32_t rnnkit_plan_get_shape(
    const rnnkit_plan *plan, const char *name, int64_t steps, int64_t batch, int64_t shape[RNNKIT_MAXIMUM_RANK],
    int32_t *rank, rnnkit_error **error);

typedef struct rnnkit_state rnnkit_state;

typedef struct rnnkit_run_options {
  size_t struct_size;
  /* What to start from; it is left as the run leaves it. NULL for the model's own start, or the inputs' h0 and c0. */
  rnnkit_state *state;
  /* How many threads may be used; 0 for the plan's number. */
  int32_t threads;
} rnnkit_run_options;

#define RNNKIT_RUN_OPTIONS_INIT { sizeof(rnnkit_run_options), NULL, 0 }

/* Runs whole sequences.
 *
 * inputs   The input, (time, batch, features) or, where the plan is batch-first, (batch, time, features), or without the
 *          axis for the batch; indices of an embedding have none for features. Several inputs by their names. Dense
 *          arrays are read where they are. Beside them: "lengths", for each row how many steps count, and "h0", "c0",
 *          "<module>.h0", ... to start from. Floats are rounded or widened to the plan's precision.
 * outputs  Any members of the run: "output", "hn", "cn", "y", "<module>.hn", a name that the forward line gives. Their
 *          type is the plan's precision and their shape that of rnnkit_plan_get_shape. Outputs may lie over inputs.
 *
 * As with PyTorch's packed sequences, output past a length is zero, and states are those of each last step. Where it fails
 * nothing was written. `options` may be NULL. */
int32_t rnnkit_run(
    const rnnkit_plan *plan, const rnnkit_array *inputs, size_t input_count, const rnnkit_array *outputs,
    size_t output_count, const rnnkit_run_options *options, rnnkit_error **error);

/* ---- States ---------------------------------------------------------------------------------------------------------- */

/* The state to start a batch from: the model's own, else zeros, with the members that are given: "h0", "c0",
 * "<module>.h0", ... of (layers * directions, batch, size). `members` may be NULL where there are none. */
rnnkit_state *rnnkit_state_make(
    const rnnkit_plan *plan, int64_t batch, const rnnkit_array *members, size_t member_count, rnnkit_error **error);

rnnkit_state *rnnkit_state_copy(const rnnkit_state *state, rnnkit_error **error);

void rnnkit_state_free(rnnkit_state *state);

/* How many rows it has; 0 for NULL. */
int64_t rnnkit_state_batch(const rnnkit_state *state);

/* Copies members of the state, "h0", "c0", ..., into arrays of the plan's precision. */
int32_t rnnkit_state_read(
    const rnnkit_state *state, const rnnkit_array *members, size_t member_count, rnnkit_error **error);

/* Writes it to a .npz or .json file, as `rnn run --state-out` does. */
int32_t rnnkit_state_save(const rnnkit_state *state, const char *path, int32_t force, rnnkit_error **error);

/* Reads what rnnkit_state_save, `rnn run --state-out` or a run's own outputs left. */
rnnkit_state *rnnkit_state_load(const rnnkit_plan *plan, const char *path, rnnkit_error **error);

/* ---- Step by step ---------------------------------------------------------------------------------------------------- */

/* Runs a plan's steps as they come, on memory that is there already: for audio callbacks and other threads that must not
 * wait. Many states, one for each stream, may go through one runner. */
typedef struct rnnkit_runner rnnkit_runner;

/* `maximum_steps` is how many steps are computed at once; longer calls are taken in pieces. Larger is faster and takes more
 * memory. The plan must be streamable, with one input and one output. */
rnnkit_runner *rnnkit_runner_make(
    const rnnkit_plan *plan, int64_t batch, int64_t maximum_steps, rnnkit_error **error);

void rnnkit_runner_free(rnnkit_runner *runner);

/* Runs `steps` steps and leaves the state at the last of them. Allocates nothing, takes no lock and makes no system call,
 * but where it fails, where it allocates an error unless `error` is NULL.
 *
 * input    (steps, batch, features), dense; for the ..._indices_... functions (steps, batch) whole numbers
 * output   gets (steps, batch, features), or (batch, features) where the plan ends in the last step; not over the input
 *
 * The counts are of elements, and must be exactly these. float32 and float64 are the plan's precision. */
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

// The arithmetic of RNNKit: one body per operation, compiled for several instruction sets, which give the same bits.
//
// `real` stands for float in the operations of `float32` and for double in those of `float64`. A vector is 64 bytes: 16
// float, 8 double. Strides are counted in reals. `Schemas/numbers.md` defines every result.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Reals in a vector.
enum { RNNKIT_FLOAT32_LANES = 16, RNNKIT_FLOAT64_LANES = 8 };

enum { RNNKIT_MAXIMUM_PANELS = 4 };

/// A linear layer of no more outputs is narrow: its lanes are columns, not outputs.
enum { RNNKIT_NARROW = 4 };

/// How weights are kept: as the reals they are computed with or, in the operations of `float32`, as halves that are
/// widened on the way, for what is too large for the caches, or as bytes, with which products are made of whole numbers.
typedef enum { RNNKIT_REALS, RNNKIT_FLOAT16, RNNKIT_BFLOAT16, RNNKIT_INT8 } rnnkit_weights;

/// Columns of bytes that lie together; most columns of a matrix of bytes, so that no sum of products overflows.
enum { RNNKIT_INT8_COLUMNS = 4, RNNKIT_INT8_MOST_COLUMNS = 65536 };

typedef struct rnnkit_matrix rnnkit_matrix;

/// target = start + x·Wᵀ with a matrix of bytes: each row of x rounded to 8 bits by its own range.
typedef void (*rnnkit_multiply_int8)(const rnnkit_matrix *matrix, const float *x, ptrdiff_t x_stride, ptrdiff_t rows,
                                     const float *start, ptrdiff_t start_stride, float *target, ptrdiff_t target_stride);

/// A weight matrix of `inner` columns, packed for `multiply`.
///
/// A panel is one vector of rows, `panels` of them make a group, and `together` groups lie side by side:
/// [group / together][column][group % together][panel][lane]. Rows that only fill a panel up are zero.
///
/// Of a narrow layer a panel is one output, and lanes are columns, zero where there is none: [column / lanes][panel][lane].
///
/// Of bytes, four columns of a row lie together, those past the last one zero: [group][column / 4][panel][lane][column % 4].
struct rnnkit_matrix {
  /// Aligned to 64 bytes.
  const void *weights;
  rnnkit_weights kept;
  ptrdiff_t inner;
  ptrdiff_t groups;
  /// 1, or what `together` says where that divides the number of groups.
  ptrdiff_t together;
  /// 1 to RNNKIT_MAXIMUM_PANELS.
  ptrdiff_t panels;
  /// Whether the last group has two panels of two gates each, half a vector of units: of an LSTM i and f, g and o, of a
  /// GRU r and z, and n with nothing; n comes first in its input's matrix. Their results are the group's first ones.
  bool packed;
  /// Vectors from one group's results to the next one's.
  ptrdiff_t pitch;
  /// Vectors before the first group's results.
  ptrdiff_t first;
  /// Of bytes: each row's scale and sum, [group][panel][lane], and the kernel that multiplies with them.
  const float *scales;
  const int32_t *sums;
  rnnkit_multiply_int8 multiply_int8;
};

typedef enum {
  RNNKIT_IDENTITY,
  RNNKIT_SIGMOID,
  RNNKIT_TANH,
  RNNKIT_RELU,
  RNNKIT_HARD_SIGMOID,
  RNNKIT_LEAKY_RELU,
  RNNKIT_THRESHOLDED_RELU,
  RNNKIT_SCALED_TANH,
  RNNKIT_ELU,
  RNNKIT_SOFTSIGN,
  RNNKIT_SOFTPLUS,
  RNNKIT_AFFINE,
  RNNKIT_SOFTMAX,
  RNNKIT_LOG_SOFTMAX,
  RNNKIT_SILU,
  RNNKIT_GELU,
  RNNKIT_GELU_TANH,
  /// Between alpha and beta.
  RNNKIT_CLIP,
  RNNKIT_EXP,
  RNNKIT_LOG,
  RNNKIT_SQRT,
  RNNKIT_ABS,
} rnnkit_function;

typedef struct {
  rnnkit_function function;
  double alpha, beta;
} rnnkit_activation;

/// a + b, a - b, a·b, a/b; RNNKIT_PRELU: a < 0 ? b·a : a.
typedef enum { RNNKIT_ADD, RNNKIT_SUBTRACT, RNNKIT_MULTIPLY, RNNKIT_DIVIDE, RNNKIT_PRELU } rnnkit_arithmetic;

/// Rows of reals. A stride of 0 is the same row each time, `single` that a row has one real, which stands for all.
typedef struct {
  const void *values;
  ptrdiff_t stride;
  bool single;
} rnnkit_operand;

typedef enum { RNNKIT_BATCH_NORM, RNNKIT_LAYER_NORM, RNNKIT_GROUP_NORM, RNNKIT_RMS_NORM } rnnkit_norm_kind;

/// A norm of rows of `count` reals.
typedef struct {
  rnnkit_norm_kind kind;
  ptrdiff_t count;
  /// Of a batch norm.
  const void *mean;
  /// Of a batch norm with the deviation in it.
  const void *scale;
  const void *shift;
  double eps;
} rnnkit_norm;

/// What is made of the steps of one sequence, each feature by itself.
typedef enum { RNNKIT_SUM, RNNKIT_MEAN, RNNKIT_LARGEST, RNNKIT_SOFTMAX_OVER_TIME } rnnkit_over_time;

/// How many queries attend at once.
#define RNNKIT_QUERIES 64

/// Query, keys and values of one sequence: rows of heads, `size` reals of each head, of the values `width`.
typedef struct {
  const void *query, *keys, *values;
  ptrdiff_t query_stride, key_stride, value_stride;
  ptrdiff_t queries, steps, heads, size, width;
  /// What a query is multiplied with.
  double scale;
  /// (size + steps)·RNNKIT_QUERIES reals.
  void *scratch;
} rnnkit_attention;

typedef enum { RNNKIT_RNN, RNNKIT_LSTM, RNNKIT_GRU, RNNKIT_GRU_RESET_BEFORE } rnnkit_cell;

/// One direction of one recurrent layer.
///
/// A row of gates holds, for each vector of units, the pre-activations of its gates, one vector each: LSTM i, f, g, o;
/// GRU n's input part, r, z, n's recurrent part; GRU with the reset before the product n, r, z; an RNN's only one. Where
/// the last units' are packed: LSTM i and f, g and o; GRU n's input part, r and z, n's recurrent part.
typedef struct {
  rnnkit_cell cell;
  ptrdiff_t hidden;
  /// Size of h where it is projected, else 0.
  ptrdiff_t projected;
  rnnkit_matrix input;
  rnnkit_matrix recurrent;
  /// Of n in RNNKIT_GRU_RESET_BEFORE.
  rnnkit_matrix candidate;
  rnnkit_matrix projection;
  /// A row of gates: where the products start from.
  const void *bias;
  /// Of gates i, f and o, whole vectors each; null without.
  const void *peepholes;
  /// Reals in a row of gates.
  ptrdiff_t gates;
  rnnkit_activation gate, candidate_activation, output;
  /// Bound on the gates' and the candidate's inputs; infinite for none.
  double clip;
  bool input_forget;
} rnnkit_layer;

static inline const rnnkit_matrix *rnnkit_input(const rnnkit_layer *layer) { return &layer->input; }

/// The functions of PyTorch's cells, which have code of their own.
static inline bool rnnkit_is_standard(const rnnkit_layer *layer) {
  if (layer->clip != __builtin_inf()) return false;
  switch (layer->cell) {
  case RNNKIT_RNN:
    return layer->candidate_activation.function == RNNKIT_TANH || layer->candidate_activation.function == RNNKIT_RELU;
  case RNNKIT_LSTM:
    return layer->gate.function == RNNKIT_SIGMOID && layer->candidate_activation.function == RNNKIT_TANH &&
           layer->output.function == RNNKIT_TANH && !layer->peepholes && !layer->input_forget;
  case RNNKIT_GRU:
    return layer->gate.function == RNNKIT_SIGMOID && layer->candidate_activation.function == RNNKIT_TANH;
  default: return false;
  }
}

/// Whether there is code for the layer that does product and cell in one, which is what threads can share.
static inline bool rnnkit_is_fused(const rnnkit_layer *layer) {
  return rnnkit_is_standard(layer) && !layer->projected && layer->input.kept != RNNKIT_INT8 &&
         layer->recurrent.kept != RNNKIT_INT8 &&
         (layer->cell != RNNKIT_RNN || layer->recurrent.kept == RNNKIT_REALS || layer->recurrent.panels == 4);
}

/// Whether the layer is so small that several rows of a batch, too, have product and cell in one.
static inline bool rnnkit_is_small(const rnnkit_layer *layer) {
  const rnnkit_matrix *recurrent = &layer->recurrent;
  return rnnkit_is_fused(layer) && recurrent->kept == RNNKIT_REALS && recurrent->groups == 1 &&
         recurrent->inner <= 16 && (layer->cell != RNNKIT_RNN || recurrent->panels == 1);
}

/// Where threads wait for each other. Zeroed at first.
typedef struct {
  uint32_t threads, unused[15];
  uint32_t arrived, unused_too[15];
  uint32_t round, last[15];
} rnnkit_barrier;

/// Returns when all threads of the barrier have called it.
void rnnkit_wait(rnnkit_barrier *barrier);

/// Returns what `word` has become when it is no longer `old`, or `old` after about so many microseconds.
uint32_t rnnkit_await_change(const uint32_t *word, uint32_t old, int microseconds);
/// Adds 1; what was written before is seen by who awaits the change.
void rnnkit_change(uint32_t *word);

/// Steps to run through a layer, on rows of a batch.
typedef struct {
  ptrdiff_t steps, batch;
  /// Whether time runs from the last step to the first.
  bool reverse;
  /// For each step how many rows, from the first, it still concerns; null for all.
  const ptrdiff_t *active;
  /// Row (step·batch + row): input products in, used up.
  void *gates;
  /// State, updated in place; whole vectors a row, aligned to 64 bytes.
  void *h;
  ptrdiff_t h_stride;
  /// An LSTM's.
  void *c;
  ptrdiff_t c_stride;
  /// Row (step·batch + row) gets h; rows no longer active get zeros.
  void *output;
  ptrdiff_t output_stride;
  /// In how many rows of output, from the first, what follows h may be overwritten, up to whole vectors: for a forward
  /// direction that may be the row that comes next.
  ptrdiff_t whole_rows;
  /// batch rows of `hidden`, in whole vectors: for projections, RNNKIT_GRU_RESET_BEFORE, and a single row's next state.
  void *scratch;
  ptrdiff_t scratch_stride;
  /// Null, or rows of input, (step·batch + row), whose product is still to be made: only for a single row through a fused
  /// layer or for a small one, and weights kept as reals. `gates` is not used then.
  const void *input;
  ptrdiff_t input_stride;
  /// Null, or where the threads wait that run a single row through a standard cell together, each a part of the
  /// recurrent matrix's groups. h is only whole once all have returned.
  rnnkit_barrier *barrier;
  ptrdiff_t first_group, end_group;
} rnnkit_piece;

/// What an operation does in a run.
typedef enum {
  /// target = b + a·Wᵀ for `rows` rows. `b` may be `target`; a stride of 0 starts every row alike. Vectors of a group
  /// beyond its panels are copied from `b` where that is not `target`.
  RNNKIT_CALL_MULTIPLY,
  /// target = b + a·Wᵀ for `rows` rows of a narrow layer's `count` outputs, canonical. Neither a nor target need be aligned
  /// or whole vectors; b is the same for all rows.
  RNNKIT_CALL_NARROW,
  /// Steps through a layer or, of one cell and size, through `count` layers in turn so that one's work fills another's
  /// waits: step t of a layer may be of input that is the output of step t of the one before it. Those of several layers
  /// are only for layers that are `in_place`.
  RNNKIT_CALL_RUN,
  /// `activate` and `arithmetic` of the operations.
  RNNKIT_CALL_ACTIVATE,
  RNNKIT_CALL_ARITHMETIC,
  /// `rows` rows of `count` reals from a to target, where they do not overlap.
  RNNKIT_CALL_COPY,
  /// target = the norm of `rows` rows a, each by itself, or of a group norm all together: the steps of one sequence. Neither
  /// need be aligned or whole vectors.
  RNNKIT_CALL_NORMALIZE,
  /// What is made of `rows` steps of `count` reals at a; of a softmax as many rows, else one.
  RNNKIT_CALL_OVER_TIME,
  /// target = a row of heads·width reals for each query.
  RNNKIT_CALL_ATTEND,
} rnnkit_kind;

/// A call of an operation. What its kind does not speak of is zero.
typedef struct {
  rnnkit_kind kind;
  rnnkit_arithmetic arithmetic;
  rnnkit_activation activation;
  rnnkit_over_time over_time;
  const rnnkit_norm *norm;
  const rnnkit_attention *attention;
  const rnnkit_matrix *matrix;
  const rnnkit_layer *layers;
  rnnkit_piece *pieces;
  rnnkit_operand a, b;
  ptrdiff_t count, rows;
  void *target;
  ptrdiff_t target_stride;
} rnnkit_call;

typedef struct {
  void (*make_calls)(const rnnkit_call *calls, ptrdiff_t count);
  /// How many groups of so many panels a single row is best to find side by side, where a matrix is read from the second
  /// cache at each step: one stream comes faster than several. Products of many rows are rather faster without.
  ptrdiff_t (*together)(ptrdiff_t panels);
  /// Whether the gates of the last units are to be packed, in a layer that is fused.
  bool (*packs)(rnnkit_cell cell, ptrdiff_t hidden);
  /// Whether each row's h is replaced at once, all of it being at hand.
  bool (*in_place)(const rnnkit_layer *layer, ptrdiff_t batch);
  /// In place over `rows` rows of `count` reals, each in whole vectors.
  void (*activate)(rnnkit_activation activation, void *values, ptrdiff_t count, ptrdiff_t rows, ptrdiff_t stride);
  /// Of `rows` rows of `count` reals, which need be neither aligned nor whole vectors; nothing past `count` is read or
  /// written. `target` may be an operand that has its stride and is not single.
  void (*arithmetic)(rnnkit_arithmetic kind, rnnkit_operand a, rnnkit_operand b, ptrdiff_t count, ptrdiff_t rows,
                     void *target, ptrdiff_t target_stride);
} rnnkit_operations;

/// What a run is given memory for.
typedef enum { RNNKIT_INPUT, RNNKIT_STATE, RNNKIT_OUTPUT, RNNKIT_GIVEN } rnnkit_given;

/// A place that holds an address within what a run was given.
typedef struct {
  void *place;
  rnnkit_given given;
  ptrdiff_t offset;
} rnnkit_address;

/// The calls of a run, which are those of the next one too if that takes as many steps, wherever its input, state and
/// output are: as in an audio callback. Whoever has one sets the members up to `most_addresses`; the others are zero.
typedef struct {
  void (*make_calls)(const rnnkit_call *calls, ptrdiff_t count);
  rnnkit_call *calls;
  ptrdiff_t most_calls;
  rnnkit_address *addresses;
  ptrdiff_t most_addresses;
  ptrdiff_t count, address_count;
  /// Whether calls are being added, and whether it has all of a run's.
  bool is_open, is_whole;
  ptrdiff_t steps, stride;
  const char *given[RNNKIT_GIVEN];
  ptrdiff_t sizes[RNNKIT_GIVEN];
} rnnkit_recording;

/// Forgets what there is and begins a run of `steps` steps of input rows `stride` reals apart. Sizes are bytes; there may
/// be no output.
void rnnkit_begin(rnnkit_recording *recording, ptrdiff_t steps, ptrdiff_t stride, const void *input, ptrdiff_t input_size,
                  void *state, ptrdiff_t state_size, void *output, ptrdiff_t output_size);
/// Adds a call, if the recording is open. Where there is no room for it, the run will not be repeated.
void rnnkit_record(rnnkit_recording *recording, const rnnkit_call *call);
/// Notes that what is at `place` may be an address within the input or the state.
void rnnkit_keep_source(rnnkit_recording *recording, const void *place);
void rnnkit_end(rnnkit_recording *recording);
/// Does the recorded run again with other memory of the same sizes. False where there is none of as many steps.
bool rnnkit_repeat(rnnkit_recording *recording, ptrdiff_t steps, ptrdiff_t stride, const void *input, void *state,
                   void *output);

typedef struct {
  const char *name;
  rnnkit_operations float32, float64;
  /// Whether float32's matrices of 3 or 4 panels may be kept as halves.
  bool keeps_halves;
  rnnkit_multiply_int8 multiply_int8;
} rnnkit_kernels;

/// The kernels of an instruction set: `portable`, `avx2`, `avx2vnni`, `avx512`, `avx512vnni`. Null where the processor lacks it or the name is
/// none.
const rnnkit_kernels *rnnkit_kernels_named(const char *name);
/// The processor's fastest.
const rnnkit_kernels *rnnkit_kernels_best(void);

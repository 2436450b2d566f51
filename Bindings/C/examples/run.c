/* Runs a model on a sequence: float32 numbers on standard input, a row of features after the other, and the result's on
 * standard output.
 *
 *     cc run.c $(pkg-config --cflags --libs rnnkit) -o run && ./run model.rnn < x.f32 > y.f32
 */
#include <rnnkit.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(rnnkit_error *error) {
  int status = rnnkit_error_kind(error);
  fprintf(stderr, "run: %s\n", rnnkit_error_message(error));
  rnnkit_error_free(error);
  return status;
}

int main(int count, char **arguments) {
  rnnkit_error *error = NULL;
  rnnkit_model *model;
  rnnkit_plan *plan;
  rnnkit_plan_info info = RNNKIT_PLAN_INFO_INIT;
  rnnkit_array input = {NULL}, output = {NULL};
  int64_t input_shape[2], output_shape[RNNKIT_MAXIMUM_RANK];
  size_t size = 0, room = 4096, got, values = 1;
  float *x = malloc(room * sizeof *x);
  int axis;

  if (count != 2 || x == NULL) return RNNKIT_USAGE;
  if ((model = rnnkit_open(arguments[1], NULL, &error)) == NULL) return fail(error);
  if ((plan = rnnkit_plan_make(model, NULL, &error)) == NULL) return fail(error);
  rnnkit_model_free(model); /* the plan keeps what it needs */
  if (rnnkit_plan_get_info(plan, &info, &error) != RNNKIT_OK) return fail(error);

  while ((got = fread(x + size, sizeof *x, room - size, stdin)) > 0) {
    size += got;
    if (size == room && (x = realloc(x, (room *= 2) * sizeof *x)) == NULL) return RNNKIT_INPUT_OUTPUT;
  }

  /* (time, features): one sequence, without an axis for the batch. */
  input_shape[0] = (int64_t)size / info.input_size;
  input_shape[1] = info.input_size;
  input.data = x;
  input.type = RNNKIT_FLOAT32;
  input.rank = 2;
  input.shape = input_shape;

  /* What the model gives first, in memory of ours, whose shape is asked for. */
  output.type = info.precision;
  output.shape = output_shape;
  if (rnnkit_plan_get_shape(plan, NULL, input_shape[0], -1, output_shape, &output.rank, &error) != RNNKIT_OK)
    return fail(error);
  for (axis = 0; axis < output.rank; axis++) values *= (size_t)output_shape[axis];
  if ((output.data = malloc(values * sizeof(double))) == NULL) return RNNKIT_INPUT_OUTPUT;
  if (rnnkit_run(plan, &input, 1, &output, 1, NULL, &error) != RNNKIT_OK) return fail(error);

  fwrite(output.data, info.precision == RNNKIT_FLOAT64 ? sizeof(double) : sizeof(float), values, stdout);
  rnnkit_plan_free(plan);
  free(output.data);
  free(x);
  return 0;
}

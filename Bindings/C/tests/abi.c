/* Prints what compiled programs know of the structs of rnnkit.h: sizes, and where members are. */
#include <rnnkit.h>
#include <stdio.h>

#define STRUCT(type) printf("struct " #type " %lu\n", (unsigned long)sizeof(type))
#define MEMBER(type, name) printf("  " #name " %lu\n", (unsigned long)offsetof(type, name))
#define CONSTANT(name) printf("constant " #name " %d\n", (int)(name))

int main(void) {
  STRUCT(rnnkit_array);
  MEMBER(rnnkit_array, name);
  MEMBER(rnnkit_array, data);
  MEMBER(rnnkit_array, shape);
  MEMBER(rnnkit_array, strides);
  MEMBER(rnnkit_array, type);
  MEMBER(rnnkit_array, rank);
  STRUCT(rnnkit_open_options);
  MEMBER(rnnkit_open_options, struct_size);
  MEMBER(rnnkit_open_options, format);
  MEMBER(rnnkit_open_options, state_dict);
  MEMBER(rnnkit_open_options, config);
  MEMBER(rnnkit_open_options, forward);
  MEMBER(rnnkit_open_options, nonlinearity);
  MEMBER(rnnkit_open_options, head_activation);
  MEMBER(rnnkit_open_options, modules);
  MEMBER(rnnkit_open_options, module_count);
  MEMBER(rnnkit_open_options, renames);
  MEMBER(rnnkit_open_options, rename_count);
  MEMBER(rnnkit_open_options, ignored);
  MEMBER(rnnkit_open_options, ignored_count);
  MEMBER(rnnkit_open_options, batch_first);
  MEMBER(rnnkit_open_options, timeout);
  MEMBER(rnnkit_open_options, words);
  STRUCT(rnnkit_convert_options);
  MEMBER(rnnkit_convert_options, struct_size);
  MEMBER(rnnkit_convert_options, format);
  MEMBER(rnnkit_convert_options, dtype);
  MEMBER(rnnkit_convert_options, no_cases);
  MEMBER(rnnkit_convert_options, force);
  MEMBER(rnnkit_convert_options, timeout);
  STRUCT(rnnkit_plan_options);
  MEMBER(rnnkit_plan_options, struct_size);
  MEMBER(rnnkit_plan_options, forward);
  MEMBER(rnnkit_plan_options, modules);
  MEMBER(rnnkit_plan_options, module_count);
  MEMBER(rnnkit_plan_options, precision);
  MEMBER(rnnkit_plan_options, threads);
  STRUCT(rnnkit_plan_info);
  MEMBER(rnnkit_plan_info, struct_size);
  MEMBER(rnnkit_plan_info, input_size);
  MEMBER(rnnkit_plan_info, output_size);
  MEMBER(rnnkit_plan_info, input_count);
  MEMBER(rnnkit_plan_info, output_count);
  MEMBER(rnnkit_plan_info, precision);
  MEMBER(rnnkit_plan_info, batch_first);
  MEMBER(rnnkit_plan_info, takes_indices);
  MEMBER(rnnkit_plan_info, ends_in_last_step);
  MEMBER(rnnkit_plan_info, streamable);
  STRUCT(rnnkit_run_options);
  MEMBER(rnnkit_run_options, struct_size);
  MEMBER(rnnkit_run_options, state);
  MEMBER(rnnkit_run_options, threads);
  CONSTANT(RNNKIT_OK);
  CONSTANT(RNNKIT_USAGE);
  CONSTANT(RNNKIT_BAD_DATA);
  CONSTANT(RNNKIT_MISSING_INPUT);
  CONSTANT(RNNKIT_DEFECT);
  CONSTANT(RNNKIT_CANNOT_CREATE);
  CONSTANT(RNNKIT_INPUT_OUTPUT);
  CONSTANT(RNNKIT_WORDS_C);
  CONSTANT(RNNKIT_WORDS_PYTHON);
  CONSTANT(RNNKIT_FLOAT32);
  CONSTANT(RNNKIT_FLOAT64);
  CONSTANT(RNNKIT_INT64);
  CONSTANT(RNNKIT_INT32);
  CONSTANT(RNNKIT_FLOAT16);
  CONSTANT(RNNKIT_BFLOAT16);
  CONSTANT(RNNKIT_INT16);
  CONSTANT(RNNKIT_INT8);
  CONSTANT(RNNKIT_UINT64);
  CONSTANT(RNNKIT_UINT32);
  CONSTANT(RNNKIT_UINT16);
  CONSTANT(RNNKIT_UINT8);
  CONSTANT(RNNKIT_BOOL);
  CONSTANT(RNNKIT_MAXIMUM_RANK);
  return 0;
}

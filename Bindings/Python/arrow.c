// Arrow arrays that are given away (arrow.apache.org/docs/format/CDataInterface.html), and the capsules that Python hands
// them round in. They are released here, by no Python code, so that an engine may do so on any thread and at any time, when
// the interpreter has ended too.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct schema {
  const char *format, *name, *metadata;
  int64_t flags, n_children;
  struct schema **children, *dictionary;
  void (*release)(struct schema *);
  void *private_data;
};

struct array {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void **buffers;
  struct array **children, *dictionary;
  void (*release)(struct array *);
  void *private_data;
};

extern void *PyCapsule_GetPointer(void *capsule, const char *name);

static void release_schema(struct schema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    struct schema *child = schema->children[i];
    if (child && child->release) child->release(child);
    free(child);
  }
  free(schema->children);
  free((void *)schema->format);
  free((void *)schema->name);
  schema->release = NULL;
}

static void release_array(struct array *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    struct array *child = array->children[i];
    if (child && child->release) child->release(child);
    free(child);
  }
  for (int64_t i = 0; i < array->n_buffers; i++) free((void *)array->buffers[i]);
  free(array->children);
  free(array->buffers);
  array->release = NULL;
}

// An empty schema with `children` places for others; NULL where memory is out.
struct schema *rnnkit_arrow_schema(const char *format, const char *name, int64_t flags, int64_t children) {
  struct schema *result = calloc(1, sizeof *result);
  if (!result) return NULL;
  result->format = strdup(format);
  result->name = strdup(name);
  result->flags = flags;
  result->n_children = children;
  result->children = children ? calloc(children, sizeof *result->children) : NULL;
  result->release = release_schema;
  if (result->format && result->name && (result->children || !children)) return result;
  result->n_children = result->children ? children : 0;
  release_schema(result);
  free(result);
  return NULL;
}

// An array with `buffers` of these sizes, whose bytes are copied; of a size below 0 there is none.
struct array *rnnkit_arrow_array(int64_t length, int64_t nulls, int64_t buffers, const void *const *bytes,
                                 const int64_t *sizes, int64_t children) {
  struct array *result = calloc(1, sizeof *result);
  if (!result) return NULL;
  result->length = length;
  result->null_count = nulls;
  result->release = release_array;
  result->buffers = calloc(buffers ? buffers : 1, sizeof *result->buffers);
  result->children = calloc(children ? children : 1, sizeof *result->children);
  int complete = result->buffers && result->children;
  if (result->buffers) result->n_buffers = buffers;
  if (result->children) result->n_children = children;
  for (int64_t i = 0; complete && i < buffers; i++) {
    if (sizes[i] < 0) continue;
    // Arrow wants 64 bytes' alignment and room.
    void *copy = aligned_alloc(64, (size_t)(sizes[i] + 64) / 64 * 64);
    if (!copy) {
      complete = 0;
      break;
    }
    if (sizes[i]) memcpy(copy, bytes[i], (size_t)sizes[i]);
    result->buffers[i] = copy;
  }
  if (complete) return result;
  release_array(result);
  free(result);
  return NULL;
}

// Rows of `counts` steps of `size` bytes, which begin at the steps `starts`, into rows of `longest` steps. Past a row's last
// step come zeros.
void rnnkit_arrow_gather(const char *values, char *rows, const int64_t *starts, const int64_t *counts, int64_t count,
                         int64_t longest, int64_t size) {
  for (int64_t i = 0; i < count; i++, rows += longest * size) {
    size_t used = (size_t)(counts[i] * size);
    memcpy(rows, values + starts[i] * size, used);
    memset(rows + used, 0, (size_t)(longest * size) - used);
  }
}

// The way back, without what is past a row's last step. In `block` a row and a step are so many bytes from the next.
void rnnkit_arrow_scatter(char *values, const char *block, const int64_t *starts, const int64_t *counts, int64_t count,
                          int64_t row_stride, int64_t step_stride, int64_t size) {
  for (int64_t i = 0; i < count; i++, block += row_stride) {
    char *to = values + starts[i] * size;
    if (step_stride == size) memcpy(to, block, (size_t)(counts[i] * size));
    else
      for (int64_t step = 0; step < counts[i]; step++)
        memcpy(to + step * size, block + step * step_stride, (size_t)size);
  }
}

void rnnkit_arrow_drop_schema(struct schema *schema) {
  if (schema && schema->release) schema->release(schema);
  free(schema);
}

void rnnkit_arrow_drop_array(struct array *array) {
  if (array && array->release) array->release(array);
  free(array);
}

// Destructors of capsules; a consumer that moved the contents left no release.
void rnnkit_arrow_end_schema(void *capsule) { rnnkit_arrow_drop_schema(PyCapsule_GetPointer(capsule, "arrow_schema")); }
void rnnkit_arrow_end_array(void *capsule) { rnnkit_arrow_drop_array(PyCapsule_GetPointer(capsule, "arrow_array")); }

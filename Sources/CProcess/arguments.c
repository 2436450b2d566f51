#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#endif

static int argument_count;
static char **argument_values;

#if defined(__GLIBC__) || defined(__APPLE__)
// These C libraries pass main's arguments to constructors.
__attribute__((constructor)) static void keep_arguments(int count, char **values, char **environment) {
  (void)environment;
  argument_count = count;
  argument_values = values;
}
#endif

int rnn_argument_count(void) { return argument_count; }

const char *rnn_argument(int index) { return index >= 0 && index < argument_count ? argument_values[index] : NULL; }

char *rnn_program_path(void) {
#ifdef __linux__
  char path[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size > 0) {
    path[size] = 0;
    return strdup(path);
  }
  // The path that was given to exec.
  const char *started = (const char *)getauxval(AT_EXECFN);
  if (started != NULL) return realpath(started, NULL);
#endif
  const char *name = rnn_argument(0);
  if (name != NULL) return realpath(name, NULL);
  errno = ENOENT;
  return NULL;
}

#ifdef __linux__
// dl_iterate_phdr reports the program itself first. `found` becomes 1 if the address is inside it.
struct search {
  uintptr_t address;
  int found;
};

static int look(struct dl_phdr_info *info, size_t size, void *data) {
  struct search *search = data;
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    if (info->dlpi_phdr[i].p_type == PT_LOAD && search->address >= start &&
        search->address - start < info->dlpi_phdr[i].p_memsz)
      search->found = 1;
  }
  return 1;
}
#endif

char *rnn_library_path(void) {
#ifdef __linux__
  struct search search = {(uintptr_t)&argument_count, 0};
  Dl_info info;
  dl_iterate_phdr(look, &search);
  if (!search.found && dladdr(&argument_count, &info) != 0 && info.dli_fname != NULL)
    return realpath(info.dli_fname, NULL);
#endif
  return NULL;
}

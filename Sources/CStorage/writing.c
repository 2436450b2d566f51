#define _GNU_SOURCE
#include "CStorage.h"

#include <errno.h>
#include <fcntl.h>

#ifdef __linux__

int rnn_storage_claim(int descriptor, int64_t offset, int64_t count) {
  return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, count);
}

void rnn_storage_start_writing(int descriptor, int64_t offset, int64_t count) {
  sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

#else

int rnn_storage_claim(int descriptor, int64_t offset, int64_t count) {
  errno = EOPNOTSUPP;
  return -1;
}

void rnn_storage_start_writing(int descriptor, int64_t offset, int64_t count) {}

#endif

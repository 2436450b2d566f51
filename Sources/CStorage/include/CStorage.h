// Storage functions that Swift cannot express: Linux calls that its C library module leaves out, and instructions that
// not every processor has.
#ifndef CSTORAGE_H
#define CSTORAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Allocates disk space for bytes that will be written, without changing the file's size. Returns 0, or -1 with the reason
// in errno.
int rnn_storage_claim(int descriptor, int64_t offset, int64_t count);

// Starts writing the dirty pages of these bytes to the disk, without waiting. fsync reports any error.
void rnn_storage_start_writing(int descriptor, int64_t offset, int64_t count);

// Whether a file has an access control list in addition to its mode. -1 with the reason in errno if that cannot be told.
int rnn_storage_has_access_list(const char *path);

// Gives an open file the security labels of the file at `from`. If `with_lists`, it also gets that file's access control
// lists; otherwise it loses those that it inherited from its folder. Returns 0, or -1 with the reason in errno.
int rnn_storage_copy_access(const char *from, int to, int with_lists);

// Folds many bytes to 16: the CRC-32 of the 16, from an inner state of zero, equals that of the many bytes continued from
// `crc`. Returns the number of bytes folded, a multiple of 64; 0 if there are fewer than 256 or the processor lacks the
// instruction.
size_t rnn_storage_fold_crc32(uint32_t crc, const void *bytes, size_t count, uint8_t folded[16]);

#ifdef __cplusplus
}
#endif
#endif

// Bytes on their way to and from the disk, where Swift does not reach: calls of Linux that its C library module leaves
// out, and instructions that not every processor has.
#ifndef CSTORAGE_H
#define CSTORAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Claims room on the disk for bytes to be written, without changing the file's size. Returns 0, or -1 with the reason in
// errno.
int rnn_storage_claim(int descriptor, int64_t offset, int64_t count);

// Starts to write what the system holds of these bytes to the disk, and waits for nothing. An error stays with the file,
// for fsync to report.
void rnn_storage_start_writing(int descriptor, int64_t offset, int64_t count);

// Whether a file has an access control list beside its mode. -1 with the reason in errno where that cannot be told.
int rnn_storage_has_access_list(const char *path);

// Gives an open file the security labels of the file at a path and, where wanted, its access control lists; otherwise
// takes away those that it has from its folder. Returns 0, or -1 with the reason in errno.
int rnn_storage_copy_access(const char *from, int to, int with_lists);

// Makes 16 bytes of many, so that their CRC-32, from an inner state of zero, is that of the many from the one that `crc`
// stands for. Returns how many were taken, a multiple of 64; 0 where they are few or the processor lacks what it needs.
size_t rnn_storage_fold_crc32(uint32_t crc, const void *bytes, size_t count, uint8_t folded[16]);

#ifdef __cplusplus
}
#endif
#endif

// How this program was started; starting another under limits; giving up rights for good: what Swift cannot do, because
// nothing but async-signal-safe calls may stand between fork and exec, and because seccomp and prctl are macros.
#ifndef CPROCESS_H
#define CPROCESS_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// What `main` was called with, to the byte. The count is 0 where the C library does not tell.
int rnn_argument_count(void);
const char *rnn_argument(int index);

// The file of the running program, links followed, for the caller to free. NULL with the reason in errno.
char *rnn_program_path(void);

// The file of the shared library that this code is in, links followed, for the caller to free. NULL where it is in the
// program itself.
char *rnn_library_path(void);

// Upper bounds, each enforced by the system from before the program's first instruction.
struct rnn_process_limits {
  uint64_t memory;       // bytes of private writable memory
  uint64_t cpu_seconds;  // of CPU time in all
  uint64_t file_size;    // bytes of any file it writes
  uint64_t descriptors;  // open at once
};

// Starts `path` with `argument` as its only argument. descriptors[i] becomes its descriptor 2 + i; standard input and
// output are /dev/null; every other descriptor is closed. It is in a process group of its own, ends when the caller's
// thread ends, leaves no core file and can gain no privileges. Its environment is `environment`, ended by NULL. Returns
// its id, or -1 with the reason in errno, that of a failed exec too.
pid_t rnn_process_start(
    const char *path, const char *argument, char *const *environment, const int *descriptors, int count,
    const struct rnn_process_limits *limits);

// The CPU time that a running process has used, in nanoseconds; -1 where it cannot be told.
int64_t rnn_process_cpu_time(pid_t process);

// Confines the calling process for the rest of its life to reading and writing open descriptors and to memory: no files
// by path, no sockets, no other processes, no code made at run time. Returns 1 where the system enforces it, 0 where it
// has no such means, -1 with the reason in errno where it should but did not.
int rnn_process_confine(void);

// Gives a file another name, which must be free: EEXIST where it is not. Returns 0, or -1 with the reason in errno. Some
// file systems can do this and know no links, others the other way round; Swift does not import renameat2.
int rnn_rename_new(const char *source, const char *target);

// Lets two files change their names in one step. Returns 0, or -1 with the reason in errno: EINVAL or ENOSYS where the
// file system or the system cannot.
int rnn_rename_exchange(const char *first, const char *second);

#ifdef __cplusplus
}
#endif
#endif

// How this program was started, starting another program under limits, and giving up rights permanently. Swift cannot do
// this: only async-signal-safe calls are allowed between fork and exec, and seccomp and prctl are macros.
#ifndef CPROCESS_H
#define CPROCESS_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// The arguments of `main`, byte for byte. The count is 0 if the C library does not pass them on.
int rnn_argument_count(void);
const char *rnn_argument(int index);

// The path of the running program with links resolved; the caller frees it. NULL on failure, with the reason in errno.
char *rnn_program_path(void);

// The path of the shared library that contains this code, with links resolved; the caller frees it. NULL if the code is
// linked into the program itself.
char *rnn_library_path(void);

// Upper bounds. The system enforces each of them before the program's first instruction runs.
struct rnn_process_limits {
  uint64_t memory;       // bytes of private writable memory
  uint64_t cpu_seconds;  // total CPU time
  uint64_t file_size;    // bytes of any file it writes
  uint64_t descriptors;  // descriptors open at once
};

// Starts `path` with `argument` as its only argument. descriptors[i] becomes its descriptor 2 + i; standard input and
// output are /dev/null, or a pipe end if there is no /dev/null; every other descriptor is closed. The process has its own
// process group, is killed when the caller's thread ends, writes no core file and cannot gain privileges. `environment`
// is its environment, terminated by NULL. Returns the process id, or -1 with the reason in errno, also if exec fails.
pid_t rnn_process_start(const char *path, const char *argument, char *const *environment, const int *descriptors,
                        int count, const struct rnn_process_limits *limits);

// The CPU time that a running process has used, in nanoseconds; -1 if it is not known.
int64_t rnn_process_cpu_time(pid_t process);

// Confines the calling process, for the rest of its life, to memory and to reading and writing open descriptors: no files
// by path, no sockets, no other processes, no code generated at run time. Returns 1 if the system enforces this, 0 if it
// has no means to, and -1 with the reason in errno if enforcing it failed.
int rnn_process_confine(void);

// Renames a file to a name that must be free: EEXIST if it is not. Returns 0, or -1 with the reason in errno. Some file
// systems support renameat2 but not hard links, others the opposite, so both are tried. Swift does not import renameat2.
int rnn_rename_new(const char *source, const char *target);

// Exchanges the names of two files atomically. Returns 0, or -1 with the reason in errno: EINVAL or ENOSYS if the file
// system or the operating system cannot.
int rnn_rename_exchange(const char *first, const char *second);

#ifdef __cplusplus
}
#endif
#endif

#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

enum { first_descriptor = 2, most_descriptors = 16, parked = 64 };

static int set_limit(int resource, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return -1;
  rlim_t wanted = (rlim_t)value;
  // The child may not exceed the limits that the user set for this program.
  if (limit.rlim_cur != RLIM_INFINITY && wanted > limit.rlim_cur) wanted = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max = wanted;
  return setrlimit(resource, &limit);
}

static void close_from(int first, int except) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)first, (unsigned)except - 1, 0) == 0 &&
      syscall(SYS_close_range, (unsigned)except + 1, ~0u, 0) == 0)
    return;
#endif
  long end = sysconf(_SC_OPEN_MAX);
  if (end < 0 || end > 1 << 20) end = 1 << 20;
  for (int descriptor = first; descriptor < end; descriptor++)
    if (descriptor != except) close(descriptor);
}

// Replaces standard input or output with /dev/null, or with one end of a pipe if the root file system has no devices.
static int stand_in(int descriptor) {
  int end = open("/dev/null", O_RDWR), ends[2] = {-1, -1};
  if (end < 0) {
    if (pipe(ends) != 0) return -1;
    end = ends[descriptor];
  }
  int moved = end == descriptor ? end : dup2(end, descriptor);
  int others[] = {end, ends[0], ends[1]};
  for (int i = 0; i < 3; i++)
    if (others[i] >= 0 && others[i] != descriptor) close(others[i]);
  return moved < 0 ? -1 : 0;
}

// Runs in the new process, before exec. Only async-signal-safe calls are allowed.
static int prepare(const int *descriptors, int count, int *report, pid_t parent,
                   const struct rnn_process_limits *limits) {
  setpgid(0, 0);
#ifdef __linux__
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
#endif
  if (getppid() != parent) _exit(127);
  // Ignored and blocked signals are inherited through exec.
  for (int number = 1; number < NSIG; number++)
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  // A file that reaches its size limit is then an error that can be reported; the signal would kill the process.
  signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  // Move the descriptors out of the way first, so that none is overwritten before it is copied.
  int moved[most_descriptors];
  for (int i = 0; i < count; i++) {
    moved[i] = fcntl(descriptors[i], F_DUPFD, parked);
    if (moved[i] < 0) return -1;
  }
  int kept = fcntl(*report, F_DUPFD_CLOEXEC, parked);
  if (kept < 0) return -1;
  *report = kept;
  if (stand_in(0) != 0 || stand_in(1) != 0) return -1;
  for (int i = 0; i < count; i++)
    if (dup2(moved[i], first_descriptor + i) < 0) return -1;
  close_from(first_descriptor + count, kept);
  if (set_limit(RLIMIT_CORE, 0) != 0) return -1;
  // One second between SIGXCPU, which tells the reason, and SIGKILL.
  struct rlimit cpu = {(rlim_t)limits->cpu_seconds, (rlim_t)limits->cpu_seconds + 1};
  if (setrlimit(RLIMIT_CPU, &cpu) != 0 && set_limit(RLIMIT_CPU, limits->cpu_seconds) != 0) return -1;
  if (set_limit(RLIMIT_FSIZE, limits->file_size) != 0) return -1;
#ifdef __linux__
  if (set_limit(RLIMIT_DATA, limits->memory) != 0) return -1;
#endif
  return set_limit(RLIMIT_NOFILE, limits->descriptors);
}

pid_t rnn_process_start(const char *path, const char *argument, char *const *environment, const int *descriptors,
                        int count, const struct rnn_process_limits *limits) {
  if (count < 1 || count > most_descriptors) {
    errno = EINVAL;
    return -1;
  }
  int report[2];
#ifdef __linux__
  if (pipe2(report, O_CLOEXEC) != 0) return -1;
#else
  if (pipe(report) != 0) return -1;
  fcntl(report[0], F_SETFD, FD_CLOEXEC);
  fcntl(report[1], F_SETFD, FD_CLOEXEC);
#endif
  char *const arguments[] = {(char *)path, (char *)argument, NULL};
  pid_t parent = getpid();
  pid_t process = fork();
  if (process == 0) {
    int out = report[1];
    if (prepare(descriptors, count, &out, parent, limits) == 0) execve(path, arguments, environment);
    int reason = errno;
    ssize_t ignored = write(out, &reason, sizeof reason);
    (void)ignored;
    _exit(127);
  }
  int reason = process < 0 ? errno : 0;
  close(report[1]);
  if (process > 0) {
    ssize_t size;
    do size = read(report[0], &reason, sizeof reason);
    while (size < 0 && errno == EINTR);
    // A successful exec closes the pipe, and nothing is read.
    if (size != sizeof reason) reason = 0;
    if (reason != 0)
      while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {}
  }
  close(report[0]);
  if (reason == 0) return process;
  errno = reason;
  return -1;
}

int64_t rnn_process_cpu_time(pid_t process) {
#ifdef __linux__
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
#else
  (void)process;
  return -1;
#endif
}

#define _GNU_SOURCE
#include "CProcess.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
// The lower half of an argument, on little-endian machines.
#define ARGUMENT(index) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[index]))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define ALLOW(name) SKIP_UNLESS(SYS_##name, 1), RETURN(SECCOMP_RET_ALLOW)
#define REFUSAL (SECCOMP_RET_ERRNO | EPERM)
// Allows the call if none of the bits is set in the argument.
#define ALLOW_WITHOUT(name, index, bits) \
  SKIP_UNLESS(SYS_##name, 4), ARGUMENT(index), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, 1), RETURN(REFUSAL), \
      RETURN(SECCOMP_RET_ALLOW)
// Allows the call if the bit is set in the argument.
#define ALLOW_WITH(name, index, bit) \
  SKIP_UNLESS(SYS_##name, 4), ARGUMENT(index), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bit), 1, 0), RETURN(REFUSAL), \
      RETURN(SECCOMP_RET_ALLOW)
// Allows the call if the argument has this value.
#define ALLOW_EQUAL(name, index, value) \
  SKIP_UNLESS(SYS_##name, 4), ARGUMENT(index), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 1, 0), RETURN(REFUSAL), \
      RETURN(SECCOMP_RET_ALLOW)

int rnn_process_confine(void) {
  struct sock_filter rules[] = {
      // clang-format off
      FIELD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0),
      RETURN(SECCOMP_RET_KILL_PROCESS),
      FIELD(nr),
      ALLOW(read), ALLOW(pread64), ALLOW(readv), ALLOW(write), ALLOW(pwrite64), ALLOW(writev), ALLOW(lseek),
      ALLOW(fstat), ALLOW(fstatfs), ALLOW(ftruncate), ALLOW(fallocate), ALLOW(close),
      ALLOW(munmap), ALLOW(mremap), ALLOW(brk), ALLOW(madvise),
      ALLOW(futex), ALLOW(sched_yield), ALLOW(set_robust_list), ALLOW(restart_syscall),
      ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(sigaltstack),
      ALLOW(clock_gettime), ALLOW(gettimeofday), ALLOW(getrandom), ALLOW(getpid), ALLOW(gettid), ALLOW(getrusage),
      ALLOW(exit), ALLOW(exit_group),
      // abort() needs it, for this process only.
      ALLOW_EQUAL(tgkill, 0, (uint32_t)getpid()),
      // The C library implements fstat with it. AT_EMPTY_PATH excludes lookups by path.
      ALLOW_WITH(newfstatat, 3, AT_EMPTY_PATH),
      ALLOW_WITHOUT(mmap, 2, PROT_EXEC), ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
      // Refuse with an error instead of a signal, so that a library that can do without the call continues.
      RETURN(REFUSAL),
      // clang-format on
  };
  struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0) return 1;
  // EINVAL: a kernel without filters.
  return errno == EINVAL ? 0 : -1;
}

#else

int rnn_process_confine(void) { return 0; }

#endif

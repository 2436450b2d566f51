// Runs a program and lets one of its system calls fail.
//
//     fail-call PROCESS NUMBER VARIANT REPORT PROGRAM ARGUMENT...
//
// PROCESS is 0 for the program, 1 for the first process it starts, and so on. NUMBER counts that process's calls of the
// table below, from 1: the program's from its entry point on, when its libraries are loaded, a started process's from its
// birth. Calls that a program repeats while it waits (poll, wait4, read, fstat) have numbers of their own, from -1 down, so that
// the others' do not depend on how long it waits. VARIANT, from 0, chooses among what can go wrong with the call; -1 kills
// the process before it. REPORT is a file that takes one line: `pwrite64 ENOSPC`, what failed; `none`, where the call has
// fewer variants; `end`, where the process made fewer calls.
//
// The status is the program's, or 128 and the signal that ended it; 77 where the system does not let a process be traced.
// A call fails before the kernel sees it, whoever made it: the program, the C library, a runtime.

#define _GNU_SOURCE
#include <stdio.h>

#if defined(__linux__) && defined(__x86_64__)

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_variants = 4, most_tasks = 256, longest_run = 30, traced_not = 77, shorter = -1 };

static const struct call {
  long number;
  const char *name;
  int variants[most_variants];
} calls[] = {
#define CALL(name, ...) {SYS_##name, #name, {__VA_ARGS__}}
    // clang-format off
    CALL(read, EIO, EINTR, shorter), CALL(pread64, EIO, EINTR, shorter), CALL(readv, EIO),
    CALL(write, EIO, ENOSPC, EINTR, shorter), CALL(pwrite64, ENOSPC, EIO, EINTR, shorter), CALL(writev, ENOSPC),
    CALL(open, EMFILE, EIO), CALL(openat, EMFILE, EIO, EACCES, EOPNOTSUPP), CALL(close, EIO),
    CALL(fstat, EIO), CALL(stat, EIO), CALL(lstat, EIO), CALL(newfstatat, EIO, ENOMEM), CALL(statx, EIO),
    CALL(fsync, EIO, ENOSPC), CALL(fdatasync, EIO), CALL(sync_file_range, EIO),
    CALL(ftruncate, EIO, ENOSPC), CALL(fallocate, ENOSPC, EOPNOTSUPP), CALL(flock, ENOLCK, EINTR),
    CALL(copy_file_range, EIO, ENOSPC, EXDEV, shorter), CALL(sendfile, EIO, shorter), CALL(ioctl, EOPNOTSUPP),
    CALL(link, EIO, ENOSPC), CALL(linkat, EIO, ENOSPC, EPERM), CALL(rename, EIO, ENOSPC, EPERM),
    CALL(renameat2, EIO, EINVAL), CALL(unlink, EIO), CALL(fchmod, EPERM), CALL(fchown, EIO, EPERM),
    CALL(getxattr, EIO), CALL(fgetxattr, EIO), CALL(fsetxattr, EIO, ENOSPC), CALL(fremovexattr, EIO),
    CALL(readlink, EIO), CALL(readlinkat, EIO),
    CALL(getdents64, EIO), CALL(access, EIO), CALL(getcwd, ENOENT),
    CALL(mmap, ENOMEM), CALL(mremap, ENOMEM), CALL(munmap, ENOMEM), CALL(mprotect, ENOMEM), CALL(madvise, EINVAL),
    CALL(brk, ENOMEM), CALL(fcntl, EMFILE), CALL(dup, EMFILE), CALL(dup2, EMFILE), CALL(pipe, EMFILE),
    CALL(pipe2, EMFILE, ENFILE), CALL(fork, EAGAIN), CALL(vfork, EAGAIN), CALL(clone, EAGAIN, ENOMEM),
    CALL(clone3, EAGAIN, ENOMEM), CALL(execve, ENOENT, ENOMEM), CALL(wait4, EINTR), CALL(poll, EINTR, ENOMEM),
    CALL(ppoll, EINTR), CALL(setpgid, EPERM), CALL(prctl, EINVAL, EPERM), CALL(setrlimit, EPERM), CALL(prlimit64, EPERM),
    CALL(close_range, ENOSYS), CALL(getrandom, ENOSYS), CALL(sched_getaffinity, EPERM), CALL(sysinfo, EPERM),
    // clang-format on
};

static int is_waiting(long number) {
  return number == SYS_poll || number == SYS_wait4 || number == SYS_read || number == SYS_newfstatat;
}

static const struct call *find_call(long number) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (calls[i].number == number) return &calls[i];
  return NULL;
}

// A thread that is traced.
static struct task {
  pid_t id;
  int process;      // which of the processes, in the order of their birth
  int is_counting;  // not before its entry point
  int is_in_call;   // between a call's two stops
  int pending;      // what the call is to return at its end; 0: what the kernel says
  int is_changed;   // whether arguments are to be put back at its end, which the kernel leaves in their registers
  struct user_regs_struct arguments;
  unsigned long entry;
  long entry_text;  // what stood where the breakpoint is
} tasks[most_tasks];

static struct task *find_task(pid_t id) {
  for (int i = 0; i < most_tasks; i++)
    if (tasks[i].id == id) return &tasks[i];
  for (int i = 0; i < most_tasks; i++)
    if (tasks[i].id == 0) {
      tasks[i] = (struct task){.id = id, .process = -1};
      return &tasks[i];
    }
  fprintf(stderr, "fail-call: too many threads\n");
  exit(70);
}

// Lets the program run until its entry point, which it reaches when its libraries are loaded.
static void set_breakpoint(struct task *task) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/auxv", (int)task->id);
  int file = open(path, O_RDONLY);
  Elf64_auxv_t entry;
  task->entry = 0;
  while (read(file, &entry, sizeof entry) == sizeof entry && entry.a_type != AT_NULL)
    if (entry.a_type == AT_ENTRY) task->entry = entry.a_un.a_val;
  close(file);
  task->entry_text = ptrace(PTRACE_PEEKTEXT, task->id, task->entry, 0);
  ptrace(PTRACE_POKETEXT, task->id, task->entry, (task->entry_text & ~0xFFL) | 0xCC);
  task->is_counting = 0;
}

static int reached_breakpoint(struct task *task) {
  struct user_regs_struct registers;
  if (task->entry == 0 || ptrace(PTRACE_GETREGS, task->id, 0, &registers) != 0) return 0;
  if (registers.rip != task->entry + 1) return 0;
  ptrace(PTRACE_POKETEXT, task->id, task->entry, task->entry_text);
  registers.rip = task->entry;
  ptrace(PTRACE_SETREGS, task->id, 0, &registers);
  task->entry = 0;
  task->is_counting = 1;
  return 1;
}

static const char *report_path;
static int is_done;

static void report(const char *name, const char *what) {
  FILE *file = fopen(report_path, "w");
  if (file == NULL) return;
  fprintf(file, *what ? "%s %s\n" : "%s\n", name, what);
  fclose(file);
}

// At the start of a call: spoils it where it is the one.
static void enter(struct task *task, int process, int number, int variant) {
  static int count, waiting;
  struct user_regs_struct registers;
  if (is_done || !task->is_counting || task->process != process) return;
  if (ptrace(PTRACE_GETREGS, task->id, 0, &registers) != 0) return;
  const struct call *call = find_call((long)registers.orig_rax);
  if (call == NULL || (is_waiting(call->number) ? --waiting : ++count) != number) return;
  is_done = 1;
  if (variant < 0) {
    report(call->name, "SIGKILL");
    kill(task->id, SIGKILL);
    return;
  }
  int reason = variant < most_variants ? call->variants[variant] : 0;
  if (reason == 0) {
    report("none", "");
    return;
  }
  task->is_changed = 1;
  task->arguments = registers;
  if (reason == shorter) {
    unsigned long long *count = call->number == SYS_copy_file_range ? &registers.r8
                                : call->number == SYS_sendfile      ? &registers.r10
                                                                    : &registers.rdx;
    // A byte alone cannot be halved.
    report(call->name, *count > 1 ? "short" : "whole");
    if (*count > 1) *count /= 2;
  } else if (call->number == SYS_brk) {
    // It fails by leaving the end of the heap where it is.
    report(call->name, strerrorname_np(reason));
    registers.rdi = 0;
  } else {
    report(call->name, strerrorname_np(reason));
    task->pending = reason;
    // No such call: the kernel does nothing. A close that fails has closed the descriptor nevertheless.
    if (call->number != SYS_close) registers.orig_rax = (unsigned long long)-1;
  }
  ptrace(PTRACE_SETREGS, task->id, 0, &registers);
}

static void leave(struct task *task) {
  struct user_regs_struct registers;
  if (!task->is_changed || ptrace(PTRACE_GETREGS, task->id, 0, &registers) != 0) return;
  if (task->pending != 0) registers.rax = (unsigned long long)-(long long)task->pending;
  registers.rdi = task->arguments.rdi;
  registers.rdx = task->arguments.rdx;
  registers.r10 = task->arguments.r10;
  registers.r8 = task->arguments.r8;
  ptrace(PTRACE_SETREGS, task->id, 0, &registers);
  task->pending = task->is_changed = 0;
}

int main(int count, char **arguments) {
  if (count < 6) {
    fprintf(stderr, "fail-call PROCESS NUMBER VARIANT REPORT PROGRAM ARGUMENT...\n");
    return 64;
  }
  int process = atoi(arguments[1]), number = atoi(arguments[2]), variant = atoi(arguments[3]), born = 0;
  report_path = arguments[4];
  // Ends a run that hangs: this process by the signal, and what it traces with it.
  alarm(longest_run);
  report("end", "");
  pid_t root = fork();
  if (root == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(traced_not);
    raise(SIGSTOP);
    execv(arguments[5], arguments + 5);
    _exit(127);
  }
  int status;
  if (root < 0 || waitpid(root, &status, 0) != root || !WIFSTOPPED(status)) return traced_not;
  long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
                 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
  if (ptrace(PTRACE_SETOPTIONS, root, 0, options) != 0) {
    kill(root, SIGKILL);
    return traced_not;
  }
  find_task(root)->process = 0;
  ptrace(PTRACE_CONT, root, 0, 0);

  int result = 70;
  pid_t id;
  while ((id = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
    if (id < 0) continue;
    struct task *task = find_task(id);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (id == root) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      task->id = 0;
      continue;
    }
    int signal = WSTOPSIG(status), event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) {
      task->is_in_call = !task->is_in_call;
      if (task->is_in_call) enter(task, process, number, variant);
      else leave(task);
      signal = 0;
    } else if (event == PTRACE_EVENT_EXEC) {
      set_breakpoint(task);
      task->is_in_call = 0;
      signal = 0;
    } else if (event != 0) {
      // A new thread is of its parent's process; both may stop first.
      unsigned long other = 0;
      ptrace(PTRACE_GETEVENTMSG, id, 0, &other);
      struct task *child = find_task((pid_t)other);
      child->process = event == PTRACE_EVENT_CLONE ? task->process : ++born;
      child->is_counting = 1;
      signal = 0;
    } else if (signal == SIGTRAP && reached_breakpoint(task)) {
      signal = 0;
    } else if (signal == SIGSTOP) {
      // How a new thread begins.
      signal = 0;
    }
    int is_followed = !is_done && (task->is_counting || task->process < 0);
    ptrace(is_followed || task->is_in_call ? PTRACE_SYSCALL : PTRACE_CONT, id, 0, signal);
  }
  return result;
}

#else

int main(void) {
  fprintf(stderr, "fail-call knows Linux on x86-64 only\n");
  return 77;
}

#endif

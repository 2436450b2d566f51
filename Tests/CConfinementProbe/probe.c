#include "CConfinementProbe.h"
#include "CProcess.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int probe_confinement(void) {
  int pipes[2];
  if (pipe(pipes) != 0) return -1;
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (rnn_process_confine() != 1) _exit(255);
    int result = 0;
    if (open("/dev/null", O_RDONLY) >= 0) result |= probe_opened;
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0) result |= probe_connected;
    pid_t other = fork();
    if (other == 0) _exit(0);
    if (other > 0) result |= probe_forked;
    if (kill(getppid(), 0) == 0) result |= probe_signalled;
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code != MAP_FAILED) result |= probe_made_code;
    void *memory = malloc(1 << 20);
    void *mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != NULL && mapped != MAP_FAILED && write(pipes[1], "x", 1) == 1) result |= probe_worked;
    // Last, for it would not come back.
    char *const arguments[] = {"/bin/true", NULL}, *const environment[] = {NULL};
    execve("/bin/true", arguments, environment);
    _exit(result);
  }
  int status = 0;
  char byte = 0;
  waitpid(child, &status, 0);
  close(pipes[1]);
  int written = read(pipes[0], &byte, 1) == 1;
  close(pipes[0]);
  if (!WIFEXITED(status)) return 128;
  // /bin/true ends with 0 and has written nothing since, so that a started program shows.
  if (WEXITSTATUS(status) == 0) return written ? probe_started : 128;
  return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

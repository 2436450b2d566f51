#define _GNU_SOURCE
#include "CStorage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__

#include <sys/xattr.h>

enum { most_bytes = 1 << 16 };

// Access control lists, in addition to the mode.
static const char *const lists[] = {"system.posix_acl_access", "system.nfs4_acl"};
// Labels that the system's security modules use.
static const char *const labels[] = {"security.selinux", "security.SMACK64"};

static int is_absent(int reason) { return reason == ENODATA || reason == EOPNOTSUPP || reason == ENOSYS; }

int rnn_storage_has_access_list(const char *path) {
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    ssize_t size = getxattr(path, lists[i], NULL, 0);
    if (size > 0) return 1;
    if (size < 0 && !is_absent(errno)) return -1;
  }
  return 0;
}

// Gives `to` the attribute of `from`, or removes it if `from` has none.
static int copy_attribute(const char *name, const char *from, int to, char *old, char *new, int is_label) {
  ssize_t new_size = fgetxattr(to, name, new, most_bytes);
  if (new_size < 0 && !is_absent(errno)) return -1;
  ssize_t old_size = -1;
  if (from != NULL) {
    old_size = getxattr(from, name, old, most_bytes);
    if (old_size < 0 && !is_absent(errno)) return -1;
  }
  // If new files get no label, no security module uses them; where one does, every file has a label.
  if (is_label && (new_size < 0 || old_size < 0)) return 0;
  if (old_size < 0) return new_size < 0 || fremovexattr(to, name) == 0 || is_absent(errno) ? 0 : -1;
  if (old_size == new_size && memcmp(old, new, (size_t)old_size) == 0) return 0;
  return fsetxattr(to, name, old, (size_t)old_size, 0);
}

int rnn_storage_copy_access(const char *from, int to, int with_lists) {
  char *room = malloc(2 * most_bytes);
  if (room == NULL) return -1;
  int result = 0;
  for (size_t i = 0; i < sizeof labels / sizeof *labels && result == 0; i++)
    result = copy_attribute(labels[i], from, to, room, room + most_bytes, 1);
  for (size_t i = 0; i < sizeof lists / sizeof *lists && result == 0; i++)
    result = copy_attribute(lists[i], with_lists ? from : NULL, to, room, room + most_bytes, 0);
  int reason = errno;
  free(room);
  errno = reason;
  return result;
}

#elif defined(__APPLE__)

#include <sys/types.h>
#include <sys/acl.h>

int rnn_storage_has_access_list(const char *path) {
  acl_t list = acl_get_file(path, ACL_TYPE_EXTENDED);
  if (list == NULL) return errno == ENOENT || errno == ENOTSUP ? 0 : -1;
  acl_free(list);
  return 1;
}

int rnn_storage_copy_access(const char *from, int to, int with_lists) {
  acl_t list = with_lists ? acl_get_file(from, ACL_TYPE_EXTENDED) : NULL;
  if (list == NULL) list = acl_init(0);
  if (list == NULL) return -1;
  int result = acl_set_fd(to, list) == 0 || errno == ENOTSUP ? 0 : -1;
  acl_free(list);
  return result;
}

#else

int rnn_storage_has_access_list(const char *path) { return 0; }

int rnn_storage_copy_access(const char *from, int to, int with_lists) { return 0; }

#endif

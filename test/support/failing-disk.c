/* Loaded before libc, so that a real process meets a disk that fails: for files of the ledger only, and only while the
 * file named by FAILING_DISK says so: f, the disk is full; r, it is read-only; s, it cannot sync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int failing(char how) {
  const char *control = getenv("FAILING_DISK");
  FILE *file = control ? fopen(control, "re") : NULL;
  int said = file ? fgetc(file) : EOF;
  if (file) fclose(file);
  return said == how;
}

static int is_ledger(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "ledger.sqlite") != NULL;
}

static int refuses(int fd) {
  if (!is_ledger(fd)) return 0;
  if (failing('f')) return ENOSPC;
  return failing('r') ? EROFS : 0;
}

#define WRITES(type, name, parameters, arguments)  \
  type name parameters {                           \
    int why = refuses(fd);                         \
    if (why) return errno = why, -1;               \
    return REAL(name) arguments;                   \
  }
WRITES(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count))
WRITES(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
WRITES(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))
WRITES(int, ftruncate, (int fd, off_t length), (fd, length))
WRITES(int, ftruncate64, (int fd, off64_t length), (fd, length))

#define SYNCS(name)                                                        \
  int name(int fd) {                                                       \
    if (is_ledger(fd) && failing('s')) return errno = EIO, -1;             \
    return REAL(name)(fd);                                                 \
  }
SYNCS(fsync)
SYNCS(fdatasync)

#define OPENS(name)                                                        \
  int name(const char *path, int flags, ...) {                             \
    va_list more;                                                          \
    va_start(more, flags);                                                 \
    mode_t mode = va_arg(more, mode_t);                                    \
    va_end(more);                                                          \
    int writes = (flags & O_ACCMODE) != O_RDONLY;                          \
    if (writes && strstr(path, "ledger.sqlite") && failing('r')) return errno = EROFS, -1; \
    return REAL(name)(path, flags, mode);                                  \
  }
OPENS(open)
OPENS(open64)

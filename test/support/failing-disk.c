/* Loaded before libc, so that a real process meets a disk that fails: for files of the ledger only, and only while the
 * file named by FAILING_DISK says so: f, the disk is full; r, it is read-only; s, it cannot sync; w, a sync waits.
 *
 * The folder named by SYNCED_DISK has what a power cut would leave: a sync brings there what was written since the last one. A sync
 * that fails drops it, as systems do that call pages clean after a failed write: a later sync does not bring it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static char *path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  path[length < 0 ? 0 : length] = 0;
  return path;
}

static int is_ledger(int fd) {
  char path[4096];
  return strstr(path_of(fd, path, sizeof path), "ledger.sqlite") != NULL;
}

/* Ranges that were written and not synced. */
static struct { ino_t file; off_t at; size_t count; } written[1 << 17];
static size_t written_count = 0;
/* Files that were synced: before, all of one may be what an earlier process has written. */
static ino_t met[64];
static size_t met_count = 0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ino_t file_of(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

static void note(int fd, off_t at, size_t count) {
  if (!getenv("SYNCED_DISK") || !is_ledger(fd)) return;
  pthread_mutex_lock(&lock);
  if (written_count == sizeof written / sizeof *written) abort();
  written[written_count].file = file_of(fd);
  written[written_count].at = at;
  written[written_count++].count = count;
  pthread_mutex_unlock(&lock);
}

static void sync_ranges(int fd, int fails) {
  const char *folder = getenv("SYNCED_DISK");
  if (!folder) return;
  char path[4096], own[64], to[8192], bytes[65536];
  snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
  path_of(fd, path, sizeof path);
  snprintf(to, sizeof to, "%s/%s", folder, strrchr(path, '/') + 1);
  pthread_mutex_lock(&lock);
  int source = REAL(open)(own, O_RDONLY);
  int target = REAL(open)(to, O_RDWR | O_CREAT, 0600);
  if (source < 0 || target < 0) abort();
  ino_t file = file_of(fd);
  size_t kept = 0, known = 0;
  while (known < met_count && met[known] != file) known++;
  if (known == met_count && written_count < sizeof written / sizeof *written) {
    if (met_count == sizeof met / sizeof *met) abort();
    met[met_count++] = file;
    written[written_count].file = file;
    written[written_count].at = 0;
    written[written_count++].count = 1 << 30;
  }
  for (size_t one = 0; one < written_count; one++) {
    if (written[one].file != file) {
      written[kept++] = written[one];
      continue;
    }
    off_t at = written[one].at, end = at + (off_t)written[one].count;
    while (!fails && at < end) {
      size_t size = (size_t)(end - at) < sizeof bytes ? (size_t)(end - at) : sizeof bytes;
      ssize_t count = pread(source, bytes, size, at);
      if (count <= 0) break;
      if (REAL(pwrite)(target, bytes, (size_t)count, at) != count) abort();
      at += count;
    }
  }
  written_count = kept;
  struct stat facts, there;
  if (!fails && fstat(source, &facts) == 0 && fstat(target, &there) == 0 && facts.st_size < there.st_size &&
      REAL(ftruncate)(target, facts.st_size) != 0)
    abort();
  close(source);
  close(target);
  pthread_mutex_unlock(&lock);
}

static int refuses(int fd) {
  if (!is_ledger(fd)) return 0;
  if (failing('f')) return ENOSPC;
  return failing('r') ? EROFS : 0;
}

#define WRITES(name, offset)                                                   \
  ssize_t name(int fd, const void *bytes, size_t count, offset at) {            \
    int why = refuses(fd);                                                      \
    if (why) return errno = why, -1;                                            \
    ssize_t done = REAL(name)(fd, bytes, count, at);                            \
    if (done > 0) note(fd, at, (size_t)done);                                   \
    return done;                                                                \
  }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t count) {
  int why = refuses(fd);
  if (why) return errno = why, -1;
  ssize_t done = REAL(write)(fd, bytes, count);
  if (done > 0 && is_ledger(fd)) note(fd, lseek(fd, 0, SEEK_CUR) - done, (size_t)done);
  return done;
}

#define TRUNCATES(name, offset)                                                 \
  int name(int fd, offset length) {                                             \
    int why = refuses(fd);                                                      \
    if (why) return errno = why, -1;                                            \
    return REAL(name)(fd, length);                                              \
  }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define SYNCS(name)                                                             \
  int name(int fd) {                                                            \
    if (!is_ledger(fd)) return REAL(name)(fd);                                  \
    while (failing('w')) usleep(2000);                                          \
    int fails = failing('s');                                                   \
    sync_ranges(fd, fails);                                                     \
    return fails ? (errno = EIO, -1) : REAL(name)(fd);                          \
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

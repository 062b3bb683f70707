/* Loaded before libc, so that a real process meets a filesystem whose server is gone: a system call on a path of these
 * names never returns. stuck-open: opening; stuck-read: reading; stuck-late: reading by the decoder process; stuck-list:
 * listing. Reading a file named reads-nothing returns no bytes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void hang(void) {
  for (;;) pause();
}

static int named(int fd, const char *name) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, name) != NULL;
}

static int is_decoder(void) {
  char line[8192];
  FILE *file = fopen("/proc/self/cmdline", "re");
  size_t length = file ? fread(line, 1, sizeof line - 1, file) : 0;
  if (file) fclose(file);
  return memmem(line, length, "decoder-main", 12) != NULL;
}

static void wait_for(int fd) {
  if (named(fd, "stuck-read") || (named(fd, "stuck-late") && is_decoder())) hang();
}

#define READS(type, name, parameters, arguments) \
  type name parameters {                         \
    wait_for(fd);                                \
    if (named(fd, "reads-nothing")) return 0;    \
    return REAL(name) arguments;                 \
  }
READS(ssize_t, read, (int fd, void *bytes, size_t count), (fd, bytes, count))
READS(ssize_t, pread, (int fd, void *bytes, size_t count, off_t at), (fd, bytes, count, at))
READS(ssize_t, pread64, (int fd, void *bytes, size_t count, off64_t at), (fd, bytes, count, at))

#define OPENS(name)                                                      \
  int name(const char *path, int flags, ...) {                           \
    va_list rest;                                                        \
    va_start(rest, flags);                                               \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                        \
    if (strstr(path, "stuck-open")) hang();                              \
    return REAL(name)(path, flags, mode);                                \
  }
OPENS(open)
OPENS(open64)

DIR *opendir(const char *path) {
  DIR *folder = REAL(opendir)(path);
  if (folder && named(dirfd(folder), "stuck-list")) hang();
  return folder;
}

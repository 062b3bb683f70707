/* Loaded before libc by `zeef bench slow-disk`: every sync of the process takes SLOW_DISK_MS longer, as on a slower disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_for_disk(void) {
  const char *said = getenv("SLOW_DISK_MS");
  long ms = said ? atol(said) : 0;
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  if (ms > 0) nanosleep(&time, NULL);
}

#define SYNCS(name)                                   \
  int name(int fd) {                                  \
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name); \
    wait_for_disk();                                  \
    return real(fd);                                  \
  }
SYNCS(fsync)
SYNCS(fdatasync)

/** The environment of a decoder process: fixed settings, and of the service's own only what chooses or tunes its allocator. */

/** Names of the variables as glibc and jemalloc read them. */
const ALLOCATOR_VARIABLES = [
  'LD_PRELOAD',
  'MALLOC_CONF',
  'GLIBC_TUNABLES',
  'MALLOC_ARENA_MAX',
  'MALLOC_MMAP_THRESHOLD_',
  'MALLOC_TRIM_THRESHOLD_',
  'MALLOC_TOP_PAD_',
] as const;

/** No keys, no paths: a decoder that an image has taken over learns nothing from its environment. */
export function decoderEnv(
  serviceEnv: Readonly<Record<string, string | undefined>>,
  workers: number,
): Record<string, string> {
  const env: Record<string, string> = {
    MALLOC_ARENA_MAX: '2',
    VIPS_BLOCK_UNTRUSTED: '1',
    UV_THREADPOOL_SIZE: String(Math.max(4, workers * 2)),
  };
  for (const name of ALLOCATOR_VARIABLES) {
    const value = serviceEnv[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

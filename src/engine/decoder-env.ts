/** Environment of a decoder process: fixed settings, and from the service only the variables of its allocator. */

/** Variables that glibc and jemalloc read. */
const ALLOCATOR_VARIABLES = [
  'LD_PRELOAD',
  'MALLOC_CONF',
  'GLIBC_TUNABLES',
  'MALLOC_ARENA_MAX',
  'MALLOC_MMAP_THRESHOLD_',
  'MALLOC_TRIM_THRESHOLD_',
  'MALLOC_TOP_PAD_',
] as const;

/** Return an environment without keys and paths: a decoder compromised by an image learns nothing from it. */
export function decoderEnv(
  serviceEnv: Readonly<Record<string, string | undefined>>,
  workers: number,
): Record<string, string> {
  const env: Record<string, string> = {
    MALLOC_ARENA_MAX: '2',
    VIPS_BLOCK_UNTRUSTED: '1',
    // Large images are unpacked in memory, which the engine bounds: by default they go to files in /tmp.
    VIPS_DISC_THRESHOLD: '1000g',
    UV_THREADPOOL_SIZE: String(Math.max(4, workers * 2)),
  };
  return { ...env, ...allocatorEnv(serviceEnv) };
}

/** Return the allocator's settings of an environment, and nothing else: for processes that need no other. */
export function allocatorEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of ALLOCATOR_VARIABLES) {
    const value = env[name];
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

/** Pools of threads, which can be ended at any moment. */
import type { Piscina } from 'piscina';
import { lazily } from './lazily.js';

const piscina = lazily<typeof import('piscina')>('piscina');

type PoolOptions = ConstructorParameters<typeof Piscina>[0];

/**
 * Node 20, 22 and 24 end the whole process where a thread is ended while it requires an ES module (an assertion in
 * `CreateRequiredModuleFacade`), and Piscina loads a module by `require` before it tries `import`. So threads require none.
 */
const IMPORT_ALONE = '--no-experimental-require-module';

/** Make a pool whose threads run the default export of the module `filename`. */
export function threadPool<Task = unknown, Result = unknown>(options: PoolOptions): Piscina<Task, Result> {
  const { Piscina } = piscina();
  return new Piscina<Task, Result>({ ...options, execArgv: [IMPORT_ALONE] });
}

/** Approximate indexes of other projects, each in a process of its own: its memory and its processor time are the graph's alone. */
import { fork } from 'node:child_process';
import { childEnv, endWithParent } from '../child.js';
import type { Measured } from './measure.js';

export interface GraphPlan {
  readonly hashes: Uint8Array;
  readonly queries: Uint8Array;
  readonly radiusBits: number;
  /** Widths of the search: higher finds more and takes longer. */
  readonly efs: readonly number[];
}

export interface GraphResult {
  readonly buildSeconds: number;
  /** Growth of the process's memory by the build. */
  readonly bytes: number;
  readonly byEf: readonly { readonly ef: number; readonly measured: Measured }[];
}

/** Neighbours of a node, and the width of the search that finds them: the same for all. */
export const M = 16;
export const EF_CONSTRUCTION = 200;
/** These return the nearest k, not a radius; a query of the bench has one match, or a few. */
export const NEAREST = 10;

/** Run a plan in a new process, of the file `worker`. Errors: the process ends without a result. */
export function runGraph(worker: string, plan: GraphPlan): Promise<GraphResult> {
  const child = endWithParent(fork(worker, { env: childEnv(), serialization: 'advanced', execArgv: [] }));
  return new Promise((resolve, reject) => {
    child.once('message', (result) => resolve(result as GraphResult));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${worker} ended: ${code ?? signal}`)));
    // Shared memory does not cross processes.
    child.send({ ...plan, hashes: plan.hashes.slice(), queries: plan.queries.slice() });
  });
}

/** In the process: answer the plan with the result of `run`, and end. */
export function answerPlan(run: (plan: GraphPlan) => Promise<GraphResult>): void {
  process.once('message', async (plan) => {
    const result = await run(plan as GraphPlan);
    process.send?.(result, () => process.disconnect());
  });
}

/** Whether the optional package can be loaded here. */
export const isUsearchAvailable = (): Promise<boolean> =>
  import('usearch').then(
    () => true,
    () => false,
  );

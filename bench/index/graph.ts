/** Approximate indexes of other projects, each in a worker thread that builds its graph once. */
import { Worker } from 'node:worker_threads';
import { artefact } from '../../src/core/package-root.js';
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
  /** Growth of the process's memory during the build. */
  readonly bytes: number;
  readonly byEf: readonly { readonly ef: number; readonly measured: Measured }[];
}

/** Neighbours of a node, and the width of the search that finds them: the same for all. */
export const M = 16;
export const EF_CONSTRUCTION = 200;
/** These return the nearest k, not a radius; a query of the bench has one match, or a few. */
export const NEAREST = 10;

export function runGraph(worker: 'hnsw-worker.js' | 'usearch-worker.js', plan: GraphPlan): Promise<GraphResult> {
  return new Promise((resolve, reject) => {
    new Worker(artefact('bench', 'index', worker), { workerData: plan }).once('message', resolve).once('error', reject);
  });
}

/** Whether the optional package can be loaded here. */
export const isUsearchAvailable = (): Promise<boolean> =>
  import('usearch').then(
    () => true,
    () => false,
  );

/**
 * A thread that asks a service again and again, as a load balancer and a neighbour do, and measures each answer. In a thread
 * of its own, so that the attack's work does not delay its clock.
 */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** Pause between two requests: an attack that holds the thread for longer is seen. */
const PAUSE_MS = 10;
/** An answer that takes longer counts as this long. */
const ANSWER_MS_MAX = 120_000;

export interface ProbeSetup {
  readonly url: string;
  readonly authorization: string | null;
}

/** Milliseconds of each answer; Infinity where there was none. */
export interface ProbeResult {
  readonly livezMs: readonly number[];
  readonly neighbourMs: readonly number[];
}

const { url, authorization } = workerData as ProbeSetup;
const agent = new Agent({ keepAlive: true });
const auth = authorization === null ? {} : { authorization };

function ask(path: string, body: string | null): Promise<number> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const method = body === null ? 'GET' : 'POST';
    const headers = { ...auth, ...(body === null ? {} : { 'content-type': 'application/json' }) };
    const sent = request(`${url}${path}`, { method, headers, agent, timeout: ANSWER_MS_MAX }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve(response.statusCode! < 500 ? performance.now() - beganMs : Number.POSITIVE_INFINITY),
      );
    });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve(Number.POSITIVE_INFINITY));
    sent.end(body ?? undefined);
  });
}

let isEnding = false;
parentPort!.once('message', () => {
  isEnding = true;
});

async function repeat(path: string, body: string | null): Promise<number[]> {
  const times: number[] = [];
  while (!isEnding) {
    times.push(await ask(path, body));
    await delay(PAUSE_MS);
  }
  return times;
}

const item = JSON.stringify({ items: [{ pdq: '1234'.repeat(16) }] });
const [livezMs, neighbourMs] = await Promise.all([repeat('/livez', null), repeat('/v1/check/hashes', item)]);
agent.destroy();
parentPort!.postMessage({ livezMs, neighbourMs } satisfies ProbeResult);

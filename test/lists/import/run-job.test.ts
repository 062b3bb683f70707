import { expect, test } from 'vitest';
import type { Audit } from '../../../src/audit/audit.js';
import { AppError } from '../../../src/core/errors.js';
import type { ImportOutcome } from '../../../src/lists/import/import-task.js';
import { type JobParts, runJob } from '../../../src/lists/import/run-job.js';
import { createLogger } from '../../../src/telemetry/log.js';

/** Run a queued job of a list that does not exist; return its states in order, and the bodies that were removed. */
async function run(outcome: ImportOutcome, onEnd: () => Promise<void> = async () => {}) {
  const states: string[] = [];
  const removed: string[] = [];
  const jobs = {
    job: async () => ({ id: 'j', list: 'a', request: { format: 'csv', kind: 'match', radiusBits: 31, actor: 'me' } }),
    changeJob: async (_id: string, { state }: { state: string }) => void states.push(state),
  };
  const audit = { withAudit: (_actor: string, _operation: unknown, act: () => Promise<unknown>) => act() };
  const held = {
    lease: { duty: 'imports', fence: 1 },
    isLost: () => false,
    onLost: () => {},
    require: async () => {},
  };
  await runJob('j', held, {
    store: { jobs, lists: { list: async () => null } } as unknown as JobParts['store'],
    bodies: {
      sourceOf: () => ({ paths: ['body'] }),
      remove: async (id: string) => void removed.push(id),
    } as unknown as JobParts['bodies'],
    queue: { isClosing: false, inThread: async () => outcome } as unknown as JobParts['queue'],
    audit: audit as unknown as Audit,
    log: createLogger('silent'),
    onEnd,
  });
  return { states, removed };
}

const report = { list: 'a', version: 1, accepted: 1, rejected: 0, added: 1, removed: 0, held: [] };
const done = { ok: true, report } as unknown as ImportOutcome;

test('an import that succeeded is done, and its body is removed', async () => {
  expect(await run(done)).toEqual({ states: ['running', 'done'], removed: ['j'] });
});

test('a job stays done where the lists cannot be reloaded', async () => {
  const failing = () => Promise.reject(new AppError('STORE_FAILED'));
  expect(await run(done, failing)).toEqual({ states: ['running', 'done'], removed: ['j'] });
});

test('a failed import is stored as failed, and nothing is reloaded', async () => {
  let reloads = 0;
  const failed = { ok: false, code: 'HASHLIST_INVALID', details: {} } as const;
  const { states } = await run(failed, async () => void reloads++);
  expect([states, reloads]).toEqual([['running', 'failed'], 0]);
});

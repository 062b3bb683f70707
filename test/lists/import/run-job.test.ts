import { expect, test } from 'vitest';
import type { Audit } from '../../../src/audit/audit.js';
import { AppError } from '../../../src/core/errors.js';
import type { ImportOutcome } from '../../../src/lists/import/import-task.js';
import { type JobParts, runJob } from '../../../src/lists/import/run-job.js';
import { createLogger } from '../../../src/telemetry/log.js';

/** Run a queued job of a list that does not exist; return its states in order, and the bodies that were removed. */
async function run(
  outcome: ImportOutcome,
  onEnd: () => Promise<void> = async () => {},
  { isReachable = true, isStuck = false, versions = [] as { origin: string }[] } = {},
) {
  const states: string[] = [];
  const removed: string[] = [];
  let isImported = false;
  const imported = () => isImported && versions.length > 0;
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
    store: {
      jobs,
      lists: { list: async () => (imported() ? {} : null), versions: async () => versions },
    } as unknown as JobParts['store'],
    bodies: {
      isReachable: async () => isReachable,
      sourceOf: () => ({ paths: ['body'] }),
      async remove(id: string) {
        removed.push(id);
        if (isStuck) throw new AppError('STORE_FAILED');
      },
    } as unknown as JobParts['bodies'],
    queue: {
      isClosing: false,
      async inThread() {
        isImported = true;
        return outcome;
      },
    } as unknown as JobParts['queue'],
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

test('a job stays done where its body cannot be removed', async () => {
  expect(await run(done, async () => {}, { isStuck: true })).toEqual({ states: ['running', 'done'], removed: ['j'] });
});

test('a job whose body cannot be read now is left as it is', async () => {
  expect(await run(done, async () => {}, { isReachable: false })).toEqual({ states: [], removed: [] });
});

test('a job that has changed its list is not failed, whatever came after it', async () => {
  const lost = { ok: false, code: 'STORE_FAILED', details: {} } as const;
  const versions = [{ origin: 'job j' }];
  expect(await run(lost, async () => {}, { versions })).toEqual({ states: ['running'], removed: [] });
});

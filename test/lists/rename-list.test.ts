/** A list is renamed where no work on it is under way, with the secrets of its source; on every store. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { withDuty } from '../../src/duties/with-duty.js';
import { readSecrets, sealSecret } from '../../src/lists/import/source-secrets.js';
import { spooledPages } from '../../src/lists/import/spool-pages.js';
import { syncDuty } from '../../src/lists/import/sync-list.js';
import { feedbackDuty, renameList } from '../../src/lists/rename-list.js';
import { suppress, suppressions, unsuppress } from '../../src/lists/suppressions.js';
import { type ImportJob, JOB_STATES } from '../../src/store/jobs-contract.js';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import type { Store } from '../../src/store/store.js';
import { backends } from '../store/backends.js';
import { entryRow, stream } from '../store/lists-contract.js';

const URL = 'https://example.org/v2';
const MD5 = '0123456789abcdef'.repeat(2);

describe.each(backends)('$name', (place) => {
  let store: Store;
  let dataDir: string;
  beforeEach(async () => {
    await place.fresh();
    store = await place.open();
    dataDir = tempFolder('rename');
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.lists.createList({ list: 'c', kind: 'match', radiusBits: 31 });
  });
  afterEach(() => store.close());
  const rename = (list: string, to: string) => renameList(store, { dataDir }, { list, to });
  const names = async () => (await store.lists.lists()).map(({ list }) => list);
  const job = (list: string, state: ImportJob['state']): ImportJob => ({
    id: `${list}-${state}`,
    list,
    state,
    request: {},
    bytes: 1,
    sameAs: `${list} ${state}`,
    createdAt: '2026-01-01T00:00:00Z',
    finishedAt: null,
    report: null,
    error: null,
  });

  test.each(JOB_STATES.flatMap((state) => ['a', 'b', 'other'].map((of) => [state, of] as const)))(
    'while a job is %s for the list %s',
    async (state, of) => {
      await store.jobs.addJob(job(of, state));
      const isBusy = of !== 'other' && (state === 'queued' || state === 'running');
      if (isBusy)
        await expect(rename('a', 'b')).rejects.toMatchObject({
          code: 'LIST_BUSY',
          details: { list: of, job: `${of}-${state}` },
        });
      else expect(await rename('a', 'b')).toMatchObject({ list: 'b' });
      expect(await names()).toEqual(isBusy ? ['a', 'c'] : ['b', 'c']);
    },
  );

  test.each([syncDuty('a'), feedbackDuty('a')])(
    'while another process has the duty "%s", and behind it',
    async (duty) => {
      const other = await place.open();
      try {
        await withDuty(other.duties, duty, async () => {
          await expect(rename('a', 'b')).rejects.toMatchObject({ code: 'LIST_BUSY', details: { list: 'a', duty } });
          expect(await names()).toEqual(['a', 'c']);
        });
      } finally {
        await other.close();
      }
      expect(await rename('a', 'b')).toMatchObject({ list: 'b' });
    },
  );

  test('no work on it begins meanwhile: its duties are held', async () => {
    const other = await place.open();
    try {
      const taken: unknown[] = [];
      const lists = new Proxy(store.lists, {
        get: (target, name) => {
          if (name !== 'renameList') return Reflect.get(target, name).bind(target);
          return async (...given: Parameters<typeof target.renameList>) => {
            for (const duty of [syncDuty('a'), feedbackDuty('a')]) taken.push(await other.duties.take(duty, 1_000));
            return target.renameList(...given);
          };
        },
      });
      await renameList(
        { ...store, lists, jobs: store.jobs, duties: store.duties, vault: store.vault },
        { dataDir },
        { list: 'a', to: 'b' },
      );
      expect(taken).toEqual([null, null]);
    } finally {
      await other.close();
    }
  });

  test.each([
    ['a', 'a', null],
    ['a', 'A', 'REQUEST_INVALID'],
    ['a', 'c', 'REQUEST_INVALID'],
    ['a', 'own-suppressions', 'REQUEST_INVALID'],
    ['own-suppressions', 'b', 'REQUEST_INVALID'],
    ['x', 'b', 'LIST_NOT_FOUND'],
  ])('%s to %s changes nothing', async (list, to, code) => {
    await suppress(store.lists, { algorithm: 'md5', value: MD5 });
    const before = [await names(), await store.lists.generation()];
    if (code === null) expect(await rename(list, to)).toMatchObject({ list });
    else await expect(rename(list, to)).rejects.toMatchObject({ code });
    expect([await names(), await store.lists.generation()]).toEqual(before);
    const [held] = await suppressions(store.lists);
    await unsuppress(store.lists, { id: held!.id! });
  });

  test('to the name of the suppressed values, before there are any', async () => {
    await expect(rename('a', 'own-suppressions')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await names()).toEqual(['a', 'c']);
  });

  test('a suppression of its entry is shown and lifted by the new name, and is none of a later list', async () => {
    await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', MD5)]));
    await suppress(store.lists, { list: 'a', entryId: 'e1' });
    await rename('a', 'b');
    expect(await suppressions(store.lists)).toMatchObject([{ list: 'b', entryId: 'e1' }]);
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', MD5)]));
    expect(await suppressions(store.lists)).toMatchObject([{ list: 'b', entryId: 'e1' }]);
    await expect(unsuppress(store.lists, { list: 'a', entryId: 'e1' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await unsuppress(store.lists, { list: 'b', entryId: 'e1' });
  });

  test('the secrets of its source are readable by the new name alone', async () => {
    const { vault } = store;
    const seal = (role: string, text: string, list = 'a') => sealSecret(vault, { list, role, url: URL }, text);
    const broken = seal('subscriptionKey', 'of another', 'z');
    const secrets = { functionKey: seal('functionKey', 'one'), feedbackKey: { env: 'F' } };
    const source = { ...NEW_SOURCE, type: 'stopncii' as const, url: URL, secrets };
    await store.lists.setSource('a', source);
    await rename('a', 'b');
    const now = (await store.lists.source('b'))!;
    expect(readSecrets('b', now, { env: { F: 'two' }, vault })).toEqual({ functionKey: 'one', feedbackKey: 'two' });
    expect(() => readSecrets('a', now, { env: { F: 'two' }, vault })).toThrow();
    await store.lists.setSource('b', { ...source, secrets: { subscriptionKey: broken } });
    await rename('b', 'd');
    expect((await store.lists.source('d'))!.secrets).toEqual({ subscriptionKey: broken });
  });

  test('pages of an interrupted sync are forgotten', async () => {
    const folder = join(dataDir, 'sync', 'a');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'state.json'), '{"pages":0,"bytes":0}');
    expect(await spooledPages(dataDir, 'a')).toBe(0);
    await rename('a', 'b');
    expect(existsSync(folder)).toBe(false);
  });
});

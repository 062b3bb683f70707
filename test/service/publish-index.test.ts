/** Index files among the blobs: written by one process where they are worth it, read by the next one that starts. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listRows, randomValues } from '../../bench/list-rows.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { openOwnBlobs } from '../../src/blobs/open-blobs.js';
import { readConfig } from '../../src/config/read-config.js';
import type { Clock } from '../../src/core/clock.js';
import { AppError } from '../../src/core/errors.js';
import { ALGORITHMS } from '../../src/core/vocabulary.js';
import { createIndexPool, type IndexPool } from '../../src/index/index-pool.js';
import { isRemoved } from '../../src/index/segment.js';
import { indexBlobs, removeIndexBlobs } from '../../src/lists/index-blobs.js';
import { openLiveLists } from '../../src/lists/live-lists.js';
import { openListsAlone } from '../../src/service/open-lists.js';
import { publishIndex, writeIndex } from '../../src/service/publish-index.js';
import { createService, type Service } from '../../src/service/service.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { BlobStore } from '../../src/store/blob-contract.js';
import type { Store } from '../../src/store/store.js';
import { createLogger } from '../../src/telemetry/log.js';
import { RETIRED_KEY } from '../../src/vault/sealed-stream.js';
import { backends } from '../store/backends.js';
import { seeded } from '../support/random.js';

const SOON = { timeout: 10_000, interval: 5 };
const PAUSE_MS = 60_000;

let pool: IndexPool;
let store: Store;
let second: Store;
let blobs: BlobStore;
let closing: (() => Promise<void>)[];
let clock: Clock & { ms: number };
let refused: unknown[];
let damage: boolean;

const closeAll = async () => {
  for (const close of closing.reverse()) await close();
};

/** Load the lists as a process that starts. */
async function start(from: Store = store, at: BlobStore = blobs) {
  const read: string[] = [];
  const live = await openLiveLists(from.lists, {
    kind: 'ring',
    photodnaIndex: 'linear',
    photodnaRadius: null,
    windowRule: { radiusBits: 31, wrongBitsMax: 6 },
    possibleRule: null,
    pool,
    vault: from.vault,
    blobs: at,
    onMergeError: (error) => {
      throw error;
    },
    onFileRead: ({ name }) => read.push(name),
    onFileRefused: (error) => refused.push(error),
  });
  return { live, read, store: { ...from, blobs: at, hasDamage: () => damage } };
}
type Started = Awaited<ReturnType<typeof start>>;

async function publish(process: Started, lines?: string[]) {
  const log = lines ? createLogger('warn', { write: (line: string) => void lines.push(line) }) : createLogger('silent');
  const publisher = await publishIndex(process, { clock, log, changedMin: 100 });
  closing.push(() => publisher.close());
  return publisher;
}

/** Return the live keys of every algorithm with their lists. */
function entriesOf({ live: { snapshot } }: Started): string[] {
  const segments = { ...snapshot.radius, ...snapshot.digest, photodna: snapshot.photodna };
  return ALGORITHMS.flatMap((algorithm) =>
    segments[algorithm].flatMap((segment) =>
      [...segment.keys].flatMap((key, at) =>
        isRemoved(segment, at) ? [] : [`${algorithm} ${segment.listKeys[at]} ${key}`],
      ),
    ),
  );
}

/** The lists of a process, with another content. */
const liveOf = ({ live }: Started, content: Started['live']['content']) => ({
  snapshot: live.snapshot,
  changedEntries: live.changedEntries,
  content,
});

const generations = async () => (await indexBlobs(blobs)).map(({ generation }) => generation);
const add = (count: number, seed: number) =>
  store.lists.addEntries('a', listRows('md5', randomValues(count, 16, seed), seed * 10_000));

describe.each(backends)('index files, $name', (backend) => {
  beforeEach(async () => {
    await backend.fresh();
    [store, second] = [await backend.open(), await backend.open()];
    blobs = 'blobs' in store ? (store.blobs as BlobStore) : openOwnBlobs(join(tempFolder('index'), 'blobs'));
    pool = createIndexPool({ threads: 1 });
    closing = [() => pool.close(), () => store.close(), () => second.close()];
    clock = { ms: 1, nowMs: Date.now, monotonicMs: () => clock.ms };
    refused = [];
    damage = false;
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.lists.createList({ list: 'b', kind: 'match', radiusBits: 31 });
    await store.lists.replaceEntries('b', listRows('pdq', pdqLike(150, 1)));
  });
  afterEach(closeAll);

  test('the first start writes one, the next one reads it and the changes since', async () => {
    await add(50, 1);
    const first = await start();
    expect(first.live.changedEntries).toBe(200);
    const publisher = await publish(first);
    publisher.look();
    await expect.poll(generations, SOON).toEqual([first.live.snapshot.generation]);
    await add(20, 2);
    await store.lists.changeEntries('a', { entryId: 'e10003' }, 'remove');
    const next = await start(second);
    expect(next.read).toHaveLength(1);
    expect(next.live.changedEntries).toBe(21);
    const rows = await start(second, openOwnBlobs(join(tempFolder('none'), 'blobs')));
    expect(entriesOf(next)).toEqual(entriesOf(rows));
    expect(entriesOf(next)).toHaveLength(219);
    expect(refused).toEqual([]);
  });

  test('none is written before its share of entries has changed, nor twice within a minute', async () => {
    await add(3_850, 1);
    const process = await start();
    const publisher = await publish(process);
    publisher.look();
    await expect.poll(generations, SOON).toHaveLength(1);
    const [first] = await generations();
    const grow = async (count: number, seed: number) => {
      await add(count, seed);
      await process.live.refresh();
      publisher.look();
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await grow(124, 2);
    clock.ms += PAUSE_MS;
    await grow(3, 3);
    expect(await generations(), '127 of 4,127 are less than a 32nd').toEqual([first]);
    await grow(10, 4);
    await expect.poll(generations, SOON).toHaveLength(2);
    await grow(1_000, 5);
    expect(await generations()).toHaveLength(2);
    clock.ms += PAUSE_MS;
    publisher.look();
    // The one before stays for those that read it.
    await expect.poll(async () => (await generations())[0], SOON).toBe(process.live.snapshot.generation);
    await expect.poll(generations, SOON).toHaveLength(2);
    expect(await generations()).not.toContain(first);
  });

  test('of two processes one writes; the other takes note of it', async () => {
    await add(50, 1);
    const [one, two] = [await start(), await start(second)];
    let puts = 0;
    const put: BlobStore['put'] = (name, bytes) => {
      puts++;
      return blobs.put(name, bytes);
    };
    for (const process of [one, two]) process.store.blobs = { ...bound(blobs), put };
    const publishers = [await publish(one), await publish(two)];
    for (let round = 0; round < 3; round++) {
      for (const publisher of publishers) publisher.look();
      await expect.poll(generations, SOON).toHaveLength(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
      clock.ms += PAUSE_MS;
    }
    expect(puts).toBe(1);
  });

  test('files of generations that a restored store has not reached are removed, and not read', async () => {
    await add(200, 1);
    await writeIndex(await start());
    const [ahead] = await indexBlobs(blobs);
    const stale = `index/${'9'.repeat(16)}`;
    await blobs.put(stale, await blobs.get(ahead!.name));
    // The content is what counts: a file of this store under another name is good.
    expect((await start()).read).toEqual([stale]);
    const process = await start(store, openOwnBlobs(join(tempFolder('none'), 'blobs')));
    await writeIndex({ ...process, store: { ...process.store, blobs } });
    expect(await generations()).toEqual([process.live.snapshot.generation]);
  });

  test('one of a store that was restored is refused, and the rows are read', async () => {
    await add(200, 1);
    const process = await start();
    const content = await process.live.content();
    const lost = { ...content.position, token: content.position.token + 1 };
    await writeIndex({
      ...process,
      live: liveOf(process, async () => ({ ...content, position: lost })),
    });
    const next = await start(second);
    expect(refused).toMatchObject([{ code: 'INDEX_FILE_INVALID' }]);
    expect(entriesOf(next)).toEqual(entriesOf(process));
  });

  test('a damaged one is written again by the next start', async () => {
    await add(200, 1);
    await writeIndex(await start());
    const [file] = await indexBlobs(blobs);
    await blobs.put(file!.name, piecesOf(Buffer.from('no index file')));
    const process = await start();
    expect(refused).toMatchObject([{ code: 'INDEX_FILE_INVALID' }]);
    const publisher = await publish(process);
    publisher.look();
    await expect.poll(async () => (await start(second)).read.length, SOON).toBe(1);
  });

  test('none is written by a process that has found damaged rows', async () => {
    await add(200, 1);
    const process = await start();
    damage = true;
    await expect(writeIndex(process)).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
    const lines: string[] = [];
    (await publish(process, lines)).look();
    await expect.poll(() => lines.length, SOON).toBe(1);
    expect(await generations()).toEqual([]);
    damage = false;
    // A refresh that the write waits for finds it.
    const content = async () => {
      const found = await process.live.content();
      damage = true;
      return found;
    };
    await expect(writeIndex({ ...process, live: liveOf(process, content) })).rejects.toMatchObject({
      code: 'SEALED_DAMAGED',
    });
    damage = false;
    const part = async () => ({ ...(await process.live.content()), isWhole: false });
    await expect(writeIndex({ ...process, live: liveOf(process, part) })).rejects.toMatchObject({
      code: 'SEALED_DAMAGED',
    });
  });

  test('one is sealed by the key to which another process has changed', async () => {
    await add(200, 1);
    const process = await start();
    const { keyId } = await second.rotateKeys(null);
    await writeIndex(process);
    const [file] = await indexBlobs(blobs);
    expect(keyIdOf(await collected(await blobs.get(file!.name)))).toBe(keyId);
    expect((await start(second)).read).toEqual([file!.name]);
    expect(refused).toEqual([]);
  });

  test('one beside which the keys were changed is removed, and written again', async () => {
    await add(200, 1);
    const process = await start();
    const rotating: BlobStore = {
      ...bound(blobs),
      put: async (name, bytes) => {
        const all = await collected(bytes);
        await second.rotateKeys(null);
        await removeIndexBlobs(blobs);
        return blobs.put(name, piecesOf(all));
      },
    };
    await expect(writeIndex({ ...process, store: { ...process.store, blobs: rotating } })).rejects.toMatchObject({
      code: 'INDEX_FILE_INVALID',
    });
    expect(await generations()).toEqual([]);
    await writeIndex(process);
    expect((await start(second)).read).toHaveLength(1);
  });

  test('one of an earlier key, which a killed rotation left, is refused and removed by the next start', async () => {
    await add(200, 1);
    const process = await start();
    await writeIndex(process);
    await second.rotateKeys(null);
    const next = await start(second);
    expect(next.read).toEqual([]);
    expect(refused).toMatchObject([{ code: 'INDEX_FILE_INVALID', details: { why: RETIRED_KEY } }]);
    expect(entriesOf(next)).toEqual(entriesOf(process));
    expect(await generations()).toEqual([]);
  });

  test('a failure that stays is reported once, another one and one after a success again', async () => {
    await add(200, 1);
    const process = await start();
    let failure: string | null = 'full';
    process.store.blobs = {
      ...bound(blobs),
      put: async (name, bytes) => {
        if (failure !== null) throw new AppError('STORE_FAILED', { why: failure });
        return blobs.put(name, bytes);
      },
    };
    const lines: string[] = [];
    const publisher = await publish(process, lines);
    const look = async () => {
      clock.ms += PAUSE_MS;
      publisher.look();
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    for (const [why, reported] of [
      ['full', 1],
      ['full', 1],
      ['away', 2],
      ['away', 2],
    ] as const) {
      failure = why;
      await look();
      await expect.poll(() => lines).toHaveLength(reported);
    }
    failure = null;
    await look();
    await expect.poll(generations).toHaveLength(1);
    await add(300, 2);
    await process.live.refresh();
    failure = 'away';
    await look();
    await expect.poll(() => lines).toHaveLength(3);
  });

  test('one with fewer entries than the store counts is refused, and the rows are read', async () => {
    await add(200, 1);
    const process = await start();
    const content = async () => {
      const { sections, ...rest } = await process.live.content();
      return { ...rest, sections: sections.filter(({ algorithm }) => algorithm !== 'pdq') };
    };
    await writeIndex({ ...process, live: liveOf(process, content) });
    const next = await start(second);
    expect(refused).toMatchObject([{ code: 'INDEX_FILE_INVALID' }]);
    expect(entriesOf(next)).toEqual(entriesOf(process));
  });

  test('a place that is away keeps no service from starting, and is asked again', async () => {
    await add(200, 1);
    const process = await start();
    let isAway = true;
    process.store.blobs = {
      ...bound(blobs),
      list: (folder) => {
        if (isAway) throw new AppError('STORE_FAILED', { why: 'away' });
        return blobs.list(folder);
      },
    };
    const lines: string[] = [];
    const publisher = await publish(process, lines);
    publisher.look();
    await expect.poll(() => lines.length, SOON).toBe(1);
    isAway = false;
    clock.ms += PAUSE_MS;
    publisher.look();
    await expect.poll(generations, SOON).toHaveLength(1);
  });

  test('changes beside a write are not in the file, and a later start has them', async () => {
    await add(2_000, 1);
    const process = await start();
    const changing: BlobStore = {
      ...bound(blobs),
      put: async (name, bytes) => {
        await store.lists.changeEntries('a', { entryId: 'e10000' }, 'remove');
        await add(500, 2);
        await store.lists.removeList('b');
        await process.live.refresh();
        await process.live.merged();
        return blobs.put(name, bytes);
      },
    };
    const before = entriesOf(process);
    const written = await writeIndex({ ...process, store: { ...process.store, blobs: changing } });
    expect(written.entryCount).toBe(before.length);
    const next = await start(second);
    expect(next.read).toHaveLength(1);
    expect(entriesOf(next)).toEqual(entriesOf(process));
    expect(entriesOf(next)).toHaveLength(2_499);
  });

  test('a write that fails is reported and tried again after a minute; a closed process stops its own', async () => {
    await add(200, 1);
    const process = await start();
    let fails = true;
    let waits: Promise<void> = Promise.resolve();
    process.store.blobs = {
      ...bound(blobs),
      put: async (name, bytes) => {
        if (fails) throw new AppError('STORE_FAILED', { why: 'full' });
        await waits;
        return blobs.put(name, bytes);
      },
    };
    const lines: string[] = [];
    const publisher = await publish(process, lines);
    publisher.look();
    await expect.poll(() => lines.length, SOON).toBe(1);
    fails = false;
    publisher.look();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await generations()).toEqual([]);
    clock.ms += PAUSE_MS;
    let proceed = () => {};
    waits = new Promise((resolve) => {
      proceed = resolve;
    });
    publisher.look();
    const closed = publisher.close();
    proceed();
    await closed;
    expect(await generations()).toEqual([]);
    expect(lines).toHaveLength(1);
  });

  test('after random changes, a start from any file has what the rows have', async () => {
    const random = seeded(7);
    let added = 1;
    const process = await start();
    for (let round = 0; round < 12; round++) {
      const act = Math.floor(random() * 4);
      if (act === 0) await add(1 + Math.floor(random() * 300), ++added);
      if (act === 1)
        await store.lists.changeEntries('a', { entryId: `e${added * 10_000}` }, random() < 0.5 ? 'remove' : 'disable');
      if (act === 2)
        await store.lists.replaceEntries('b', listRows('pdq', pdqLike(1 + Math.floor(random() * 200), round)));
      if (act === 3) await store.lists.updateList('b', { enabled: random() < 0.5 });
      if (random() < 0.3) await writeIndex(process);
      await process.live.refresh();
      if (random() < 0.3) await writeIndex(process);
      expect(entriesOf(await start(second)), `round ${round}`).toEqual(entriesOf(process));
    }
    expect(refused).toEqual([]);
  });
});

test('a service writes one by itself, the next service reads it and answers as before; a new key removes it', async () => {
  const config = readConfig({ env: {}, flags: { dataDir: tempFolder('serve') } });
  const lines: string[] = [];
  const log = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  const store = await openSqliteStore(config.dataDir);
  const values = randomValues(70_000, 16, 3);
  await store.lists.createList({ list: 'long', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('long', listRows('md5', values));
  await store.close();
  const known = Buffer.from(values.subarray(-16)).toString('hex');
  const verdicts = async (service: Service) => {
    const options = {
      orientations: 'none',
      lists: null,
      requestedRadiusBits: null,
      detail: null,
      reference: null,
      tenant: 't',
    } as const;
    const batch = service.openBatch(options, { isStream: false });
    const answers = await batch.checkValues('md5', Buffer.from(`${known}${'0'.repeat(32)}`, 'hex'));
    return [...answers].map(([at, { verdict }]) => `${at} ${verdict}`);
  };
  for (const message of ['index file written', 'index file read']) {
    const service = await createService(config, { log, watchLists: true });
    await expect.poll(() => lines, SOON).toContain(message);
    expect(await verdicts(service)).toEqual(['0 match']);
    await service.close();
  }
  expect(lines.filter((line) => line.startsWith('index file'))).toEqual(['index file written', 'index file read']);
  const files = openOwnBlobs(join(config.dataDir, 'blobs'));
  expect(await indexBlobs(files)).toHaveLength(1);
  const alone = await openListsAlone(config, log, {});
  await alone.rotateKeys(null);
  await alone.close();
  expect(await indexBlobs(files)).toEqual([]);
});

async function collected(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

/** Of a sealed stream: after its magic number and its version. */
const keyIdOf = (sealed: Buffer): number => sealed.readUInt16BE(9);

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Return the methods of a place, to replace some of them. */
const bound = (place: BlobStore): BlobStore => ({
  put: (name, bytes) => place.put(name, bytes),
  get: (name) => place.get(name),
  remove: (name) => place.remove(name),
  list: (folder) => place.list(folder),
});

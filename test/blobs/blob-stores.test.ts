/** The contract of every store of blobs, each opened twice: folders, PostgreSQL, a service like S3, and S3 itself where there is one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { openBlobs, openOwnBlobs } from '../../src/blobs/open-blobs.js';
import { artefact } from '../../src/core/package-root.js';
import type { BlobInfo, BlobStore } from '../../src/store/blob-contract.js';
import type { Store } from '../../src/store/store.js';
import { openPostgres } from '../store/backends.js';
import { FakeS3 } from '../support/fake-s3.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';

const LARGE_BYTES = 20_000_000;
const { ZEEF_TEST_S3: realPlace = '' } = process.env;
const hasS3 = orLeftOut(realPlace !== '', 'ZEEF_TEST_S3 names no bucket (s3://bucket/prefix)', 'tests on S3 itself');

async function* piecesOf(...pieces: (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

async function readAll(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read);
}

/** Return the text of a blob; null if it is missing. */
async function textOf(blobs: BlobStore, name: string): Promise<string | null> {
  try {
    return (await readAll(await blobs.get(name))).toString();
  } catch (error) {
    expect(error).toMatchObject({ code: 'NOT_FOUND' });
    return null;
  }
}

async function listed(blobs: BlobStore, folder = ''): Promise<BlobInfo[]> {
  const found: BlobInfo[] = [];
  for await (const one of blobs.list(folder)) found.push(one);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}
const namesOf = async (blobs: BlobStore, folder = '') => (await listed(blobs, folder)).map(({ name }) => name);

/** Bytes that do not repeat, so that parts in a wrong order are noticed. */
function noise(bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4);
  let state = 1;
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = state;
  }
  return Buffer.from(words.buffer);
}

const LARGE = noise(LARGE_BYTES);
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** Puts a blob without an end in a process of its own; prints when 40 MB are on their way. `blobs`: an expression. */
const writerOf = (blobs: string) => `
  const module = await import(process.argv[1]);
  const place = process.argv[2];
  const piece = Buffer.alloc(1_000_000, 1);
  async function* endless() {
    for (let n = 0; ; n++) {
      yield piece;
      if (n === 40) process.stdout.write('written');
      if (n > 40) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const blobs = ${blobs};
  await blobs.put('killed', endless());`;

async function killedWriter({ place, env, module, writer }: Place): Promise<void> {
  const args = ['--input-type=module', '-e', writerOf(writer), module, place];
  const child: ChildProcess = endWithParent(
    spawn(process.execPath, args, { env: childEnv(env), stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  child.kill('SIGKILL');
  await ended;
}

interface Place {
  readonly place: string;
  readonly env: Record<string, string>;
  /** The module that opens the place, and how. */
  readonly module: string;
  readonly writer: string;
  /** Open it as one more process does. */
  open(): Promise<BlobStore>;
  stop(): Promise<void>;
}

const IN_BLOBS = {
  module: artefact('src', 'blobs', 'open-blobs.js'),
  writer: 'module.openBlobs(place, process.env)',
} as const;

const outside = (place: string, env: Record<string, string>, stop = async () => {}): Place => ({
  place,
  env,
  stop,
  ...IN_BLOBS,
  open: async () => openBlobs(place, env),
});

function ownFolder(): Place {
  const place = join(tempFolder('blobs'), 'made');
  const open = async () => openOwnBlobs(place);
  return { place, env: {}, ...IN_BLOBS, writer: 'module.openOwnBlobs(place)', open, stop: async () => {} };
}

async function inPostgres(): Promise<Place> {
  const place = await (await sharedServer()).createDatabase();
  const stores: Store[] = [];
  return {
    place,
    env: {},
    module: artefact('src', 'postgres', 'open.js'),
    writer: `(await module.openPostgresStore(place, {
      master: { read: () => Buffer.alloc(32, 0x11), own: null }, stagingFolder: ${JSON.stringify(tempFolder('staged'))}
    })).blobs`,
    async open() {
      const store = await openPostgres(place);
      stores.push(store);
      return store.blobs;
    },
    async stop() {
      for (const store of stores) await store.close();
    },
  };
}

function blobSuite(name: string, start: () => Promise<Place> | Place): void {
  describe(name, () => {
    let at: Place;
    let one: BlobStore;
    let other: BlobStore;
    beforeAll(async () => {
      at = await start();
      [one, other] = [await at.open(), await at.open()];
    });
    afterAll(() => at.stop());
    beforeEach(async () => {
      for (const { name: old } of await listed(one)) await one.remove(old);
    });

    test('what one puts the other gets, lists and removes', async () => {
      const startedMs = Date.now();
      expect(await one.put('jobs/01J.body', piecesOf('ab', '', 'c'))).toEqual({ bytes: 3, sha256: sha256('abc') });
      expect(await textOf(other, 'jobs/01J.body')).toBe('abc');
      const [found] = await listed(other);
      expect(found).toMatchObject({ name: 'jobs/01J.body', bytes: 3 });
      expect(Math.abs(found!.modifiedMs - startedMs)).toBeLessThan(60_000);
      await other.remove('jobs/01J.body');
      expect(await textOf(one, 'jobs/01J.body')).toBeNull();
      expect(await listed(one)).toEqual([]);
      await one.remove('jobs/01J.body');
    });

    test('an empty blob is not a missing one', async () => {
      expect(await one.put('empty', piecesOf())).toEqual({ bytes: 0, sha256: sha256('') });
      expect(await textOf(other, 'empty')).toBe('');
      expect(await listed(other)).toMatchObject([{ name: 'empty', bytes: 0 }]);
    });

    test('a name can be that of a folder too', async () => {
      for (const path of ['a', 'a/b', 'a/b/c', 'a.b', 'a-b']) await one.put(path, piecesOf(path));
      for (const path of ['a', 'a/b', 'a/b/c', 'a.b', 'a-b']) expect(await textOf(other, path)).toBe(path);
      expect(await namesOf(other, 'a/')).toEqual(['a/b', 'a/b/c']);
      expect(await namesOf(other, 'a/b/')).toEqual(['a/b/c']);
      expect(await namesOf(other, 'b/')).toEqual([]);
    });

    test('a blob of 20 MB is the same, in small and in large pieces, and a shorter one replaces it whole', async () => {
      async function* small() {
        for (let from = 0; from < LARGE.length; from += 65_537) yield LARGE.subarray(from, from + 65_537);
      }
      const written = { bytes: LARGE_BYTES, sha256: sha256(LARGE) };
      expect(await one.put('large', small())).toEqual(written);
      expect((await readAll(await other.get('large'))).equals(LARGE)).toBe(true);
      expect(await other.put('large', piecesOf(LARGE))).toEqual(written);
      expect((await readAll(await one.get('large'))).equals(LARGE)).toBe(true);
      await other.put('large', piecesOf('short'));
      expect(await textOf(one, 'large')).toBe('short');
    });

    test('a piece that its source uses again is read before that', async () => {
      async function* reused() {
        const piece = Buffer.alloc(3);
        for (const text of ['one', 'two']) {
          piece.write(text);
          yield piece;
        }
      }
      await one.put('reused', reused());
      expect(await textOf(one, 'reused')).toBe('onetwo');
    });

    test('a reader gets the old blob whole, or an error, while another replaces it', async () => {
      await one.put('replaced', piecesOf(LARGE));
      const pieces = (await one.get('replaced'))[Symbol.asyncIterator]();
      const read = [(await pieces.next()).value as Buffer];
      await other.put('replaced', piecesOf('new'));
      try {
        for (let step = await pieces.next(); !step.done; step = await pieces.next()) read.push(step.value);
        expect(Buffer.concat(read).equals(LARGE)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'STORE_FAILED' });
      }
      expect(await textOf(one, 'replaced')).toBe('new');
    });

    test('a reader that ends early leaves the store usable', async () => {
      await one.put('large', piecesOf(LARGE));
      for (let n = 0; n < 20; n++) for await (const piece of await one.get('large')) if (piece.length > 0) break;
      expect(sha256(await readAll(await one.get('large')))).toBe(sha256(LARGE));
    });

    test.each([
      ['at once', 0],
      ['midway', 1],
      ['after some parts', 18],
    ])('a source that fails %s leaves the earlier blob, and its error', async (_when, megabytes) => {
      await one.put('kept', piecesOf('old'));
      const fault = new Error('of the source');
      async function* failing() {
        for (let n = 0; n < megabytes; n++) yield LARGE.subarray(0, 1_000_000);
        throw fault;
      }
      await expect(other.put('kept', failing())).rejects.toBe(fault);
      expect(await textOf(one, 'kept')).toBe('old');
      await expect(other.put('new', failing())).rejects.toBe(fault);
      expect(await namesOf(one)).toEqual(['kept']);
    });

    test('of two that put at once one wins whole', async () => {
      const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(300_000));
      await Promise.all(texts.map((text, n) => (n % 2 === 0 ? one : other).put('raced', piecesOf(text))));
      expect(texts).toContain(await textOf(one, 'raced'));
    });

    test('a writer that is killed leaves nothing under the name', async () => {
      await killedWriter(at);
      expect(await textOf(one, 'killed')).toBeNull();
      expect(await listed(other)).toEqual([]);
      await one.put('killed', piecesOf('old'));
      await killedWriter(at);
      expect(await textOf(other, 'killed')).toBe('old');
    });

    test.each([
      [
        '',
        '/',
        'a//b',
        '/a',
        'a/',
        '.',
        '..',
        'a/../b',
        './a',
        'a/.',
        'a b',
        'a+b',
        'a%2fb',
        'a\\b',
        'é',
        'a\0',
        'a\n',
      ],
      ['x'.repeat(161), `${'x/'.repeat(80)}x`],
    ])('names that are refused, as %s', async (...names) => {
      for (const bad of names) {
        const refused = { code: 'REQUEST_INVALID' };
        await expect(one.put(bad, piecesOf('a')), bad).rejects.toMatchObject(refused);
        await expect(one.get(bad), bad).rejects.toMatchObject(refused);
        await expect(one.remove(bad), bad).rejects.toMatchObject(refused);
        if (bad !== '') await expect(listed(one, bad === 'a/' ? 'a' : bad), bad).rejects.toMatchObject(refused);
      }
    });

    test('the longest name, and one of dots', async () => {
      for (const path of ['x'.repeat(160), '...', '..a/.b', 'A-_.9']) {
        await one.put(path, piecesOf(path));
        expect(await textOf(other, path)).toBe(path);
        expect(await namesOf(other)).toEqual([path]);
        await one.remove(path);
      }
    });

    test('any order of operations gives what a map gives', async () => {
      const name = fc.constantFrom('a', 'a/b', 'a/b.c', 'b/a', 'b/01J');
      const body = fc.uint8Array({ maxLength: 100 });
      const step = fc.oneof(
        fc.record({ does: fc.constant('put' as const), name, body, by: fc.boolean() }),
        fc.record({ does: fc.constant('fail' as const), name, body, by: fc.boolean() }),
        fc.record({ does: fc.constant('get' as const), name, by: fc.boolean() }),
        fc.record({ does: fc.constant('remove' as const), name, by: fc.boolean() }),
        fc.record({
          does: fc.constant('list' as const),
          folder: fc.constantFrom('', 'a/', 'b/', 'c/'),
          by: fc.boolean(),
        }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
          const model = new Map<string, Buffer>();
          for (const { name: old } of await listed(one)) await one.remove(old);
          for (const ask of steps) {
            const blobs = ask.by ? one : other;
            if (ask.does === 'put') {
              model.set(ask.name, Buffer.from(ask.body));
              expect(await blobs.put(ask.name, piecesOf(ask.body))).toMatchObject({ sha256: sha256(ask.body) });
            } else if (ask.does === 'fail') {
              const failing = (async function* () {
                yield ask.body;
                throw new Error('of the source');
              })();
              await expect(blobs.put(ask.name, failing)).rejects.toThrow('of the source');
            } else if (ask.does === 'get') {
              const held = model.get(ask.name);
              expect(await textOf(blobs, ask.name)).toBe(held === undefined ? null : held.toString());
            } else if (ask.does === 'remove') {
              model.delete(ask.name);
              await blobs.remove(ask.name);
            } else {
              const below = [...model]
                .filter(([path]) => path.startsWith(ask.folder))
                .sort(([a], [b]) => (a < b ? -1 : 1));
              const facts = (await listed(blobs, ask.folder)).map(({ name: path, bytes }) => [path, bytes]);
              expect(facts).toEqual(below.map(([path, held]) => [path, held.length]));
            }
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}

blobSuite('blobs in a folder', () => outside(tempFolder('blobs'), {}));
blobSuite('blobs in a folder of one machine', ownFolder);
if (hasPostgres) blobSuite('blobs in PostgreSQL', inPostgres);

blobSuite('blobs in a service like S3', async () => {
  const fake = await FakeS3.start();
  // Lists of a few blobs are of several pages.
  fake.pageKeysMax = 2;
  return outside(fake.place, fake.env, () => fake.stop());
});

describe.runIf(hasS3)('on S3 itself', () => {
  const names = ['ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN', 'REGION', 'ENDPOINT_URL_S3', 'ENDPOINT_URL'];
  const set = names
    .map((name) => [`AWS_${name}`, process.env[`AWS_${name}`]])
    .filter(([, value]) => value !== undefined);
  blobSuite('blobs in a bucket', () =>
    // What is there is removed, so it is a place of this run.
    outside(`${realPlace.replace(/\/$/, '')}/${randomUUID()}`, Object.fromEntries(set) as Record<string, string>),
  );
});

test('a folder keeps what others are writing, and removes what was not written to for a day', async () => {
  const folder = tempFolder('blobs');
  const [fresh, old] = [randomUUID(), randomUUID()].map((id) => `a.${id}@shared.unfinished`);
  const foreign = 'a.1@else.where.unfinished';
  for (const [file, hours] of [
    [fresh!, 23],
    [old!, 25],
    [foreign, 100],
    ['blob', 100],
  ] as const) {
    writeFileSync(join(folder, file), 'x'.repeat(40));
    const seconds = Date.now() / 1_000 - hours * 3_600;
    utimesSync(join(folder, file), seconds, seconds);
  }
  const blobs = openBlobs(folder, {});
  await blobs.put('b', piecesOf('b'));
  expect(readdirSync(folder).sort()).toEqual([foreign, fresh!, 'b', 'blob'].sort());
  expect(await namesOf(blobs)).toEqual(['b', 'blob']);
});

test('the folder of one machine loses at its next start what a killed process was writing', async () => {
  const place = ownFolder();
  const one = await place.open();
  await one.put('kept', piecesOf('kept'));
  await killedWriter(place);
  expect(readdirSync(place.place)).toHaveLength(2);
  expect(await namesOf(await place.open())).toEqual(['kept']);
  expect(readdirSync(place.place)).toEqual(['kept']);
});

/** Rows wait on the disk, sealed, while their document is parsed; the store is locked only afterwards. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { childEnv, endWithParent } from '../../../bench/child.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { inBatches } from '../../../src/core/batches.js';
import { artefact } from '../../../src/core/package-root.js';
import type { ParsedRow } from '../../../src/core/parsed-row.js';
import { NO_ATTRIBUTES } from '../../../src/core/vocabulary.js';
import { importList } from '../../../src/lists/import/import-list.js';
import { withStagedRows } from '../../../src/lists/import/staged-rows.js';
import { openSqliteStore } from '../../../src/sqlite/open.js';
import type { Store } from '../../../src/store/store.js';

const md5 = (n: number) => (n + 1).toString(16).padStart(32, '0');
/** Enough rows to be written before the document ends. */
const ROWS = 20_000;
const document = Array.from({ length: ROWS }, (_, n) => `${md5(n)}\n`).join('');
let dataDir = '';
let fifo = '';
let store: Store;
beforeEach(async () => {
  dataDir = tempFolder('staged');
  fifo = join(dataDir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  store = await openSqliteStore(dataDir);
});
afterEach(() => store.close());

const request = { format: 'plain', list: 'a', kind: 'match', radiusBits: 31 } as const;
const staged = () => {
  try {
    return readdirSync(store.stagingFolder);
  } catch {
    return [];
  }
};
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await delay(20);
}
async function* rowsOf(count: number): AsyncGenerator<ParsedRow> {
  for (let n = 0; n < count; n++) {
    const entry = {
      ...NO_ATTRIBUTES,
      entryId: '',
      algorithm: 'md5' as const,
      value: md5(n),
      status: 'active' as const,
    };
    yield { ok: true, line: n + 1, entry };
  }
}
async function counted(rows: AsyncIterable<ParsedRow>): Promise<number> {
  let count = 0;
  for await (const row of rows) if (row.line === count + 1) count++;
  return count;
}

test('rows come back as they were, bare ones and others, of any length', async () => {
  // The longest is half a sealed chunk: some end within a row.
  const long = fc.constantFrom('', '\n', '"', '\ud800', 'ä'.repeat(300_000));
  const text = fc.oneof({ arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }), weight: 3 }, long);
  const facts = fc.record(
    {
      category: text,
      severity: text,
      source: text,
      mediaType: text,
      updatedAt: fc.constant('2026-01-02T03:04:05Z'),
    },
    { requiredKeys: [] },
  );
  const tags = fc.array(text, { minLength: 1, maxLength: 2 });
  const inactiveUntil = fc.constant('2027-01-02T03:04:05Z');
  const notes = fc.dictionary(fc.constantFrom('remark', 'place'), text, { minKeys: 1 });
  const entry = fc
    .tuple(
      text,
      fc.oneof(fc.constant({}), facts, fc.record({ tags }), fc.record({ notes }), fc.record({ inactiveUntil })),
    )
    .map(([entryId, some]) => ({
      entryId,
      algorithm: 'md5' as const,
      value: md5(1),
      status: 'active' as const,
      ...NO_ATTRIBUTES,
      ...some,
    }));
  const row: fc.Arbitrary<ParsedRow> = fc.oneof(
    fc.record({ ok: fc.constant(true as const), line: fc.nat(), entry }),
    fc.record({ ok: fc.constant(false as const), line: fc.nat(), reason: fc.constant('malformed' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
      async function* given() {
        yield rows.slice(0, 7);
        yield rows.slice(7);
      }
      const back = await withStagedRows(given(), store, async (read, count) => {
        const found: ParsedRow[] = [];
        for await (const one of read) found.push(one);
        return { found, count };
      });
      expect(back).toEqual({ found: rows, count: rows.length });
    }),
    { numRuns: 60 },
  );
});

test('while a document is read, others write; nothing of it is in clear, and nothing stays', async () => {
  const importing = importList(store, { ...request, paths: [fifo] });
  const writer = await open(fifo, 'w');
  await writer.writeFile(document);
  await until(() => staged().some((name) => statSync(join(store.stagingFolder, name)).size > 0));
  const other = await openSqliteStore(dataDir);
  await other.lists.createList({ list: 'b', kind: 'match', radiusBits: 31 });
  await other.close();
  expect(readFileSync(join(store.stagingFolder, staged()[0]!)).includes(md5(1))).toBe(false);
  await writer.close();
  expect(await importing).toMatchObject({ accepted: ROWS });
  expect(staged()).toEqual([]);
});

test('a document that fails leaves nothing, and no list', async () => {
  const path = join(dataDir, 'cut.json');
  const values = document.trim().split('\n');
  writeFileSync(path, `[${values.map((value) => JSON.stringify({ value })).join()},`);
  await expect(importList(store, { ...request, format: 'json', paths: [path] })).rejects.toMatchObject({
    code: 'HASHLIST_INVALID',
  });
  expect(staged()).toEqual([]);
  expect(await store.lists.lists()).toEqual([]);
});

test('an import that fails does not take the list from another one that found it missing, too', async () => {
  let isStopping = false;
  const failing = importList(store, { ...request, paths: [fifo], shouldStop: () => isStopping });
  // Its end is awaited below.
  failing.catch(() => {});
  const writer = await open(fifo, 'w');
  await writer.writeFile(document);
  const second = join(dataDir, 'second');
  execFileSync('mkfifo', [second]);
  const other = await openSqliteStore(dataDir);
  const beside = importList(other, { ...request, paths: [second] });
  const besideWriter = await open(second, 'w');
  await besideWriter.writeFile(document);
  await until(() => staged().length === 2);
  isStopping = true;
  await writer.writeFile('\n');
  await writer.close();
  await expect(failing).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await besideWriter.close();
  expect(await beside).toMatchObject({ accepted: ROWS });
  await other.close();
});

test('a killed import leaves its rows to the next start, which removes them', async () => {
  const importing = endWithParent(
    spawn(process.execPath, [artefact('src', 'main.js'), 'lists', 'import', fifo, '--list', 'a', '--format', 'plain'], {
      env: childEnv({ ZEEF_DATA_DIR: dataDir }),
      stdio: 'ignore',
    }),
  );
  const ended = new Promise((resolve) => importing.once('exit', resolve));
  const writer = await open(fifo, 'w');
  await writer.writeFile(document);
  await until(() => staged().length === 1);
  importing.kill('SIGKILL');
  await ended;
  await writer.close();
  expect(staged()).toHaveLength(1);
  await (await openSqliteStore(dataDir)).close();
  expect(staged()).toEqual([]);
});

test('rows are as they were, in their order, up to the bound', async () => {
  const seen: number[] = [];
  expect(
    await withStagedRows(inBatches(rowsOf(ROWS), 1_000), { ...store, onRows: (rows) => seen.push(rows) }, counted),
  ).toBe(ROWS);
  expect(seen).toEqual([10_000, ROWS, ROWS]);
  expect(await withStagedRows(inBatches(rowsOf(0), 1_000), store, counted)).toBe(0);
  await expect(
    withStagedRows(inBatches(rowsOf(ROWS), 1_000), { ...store, bytesMax: 1_000_000 }, counted),
  ).rejects.toMatchObject({
    code: 'HASHLIST_INVALID',
  });
  expect(staged()).toEqual([]);
});

test('an import is stopped while its rows are written', async () => {
  let isStopping = false;
  const stopped = withStagedRows(
    inBatches(rowsOf(ROWS), 1_000),
    { ...store, shouldStop: () => isStopping },
    async (rows) => {
      isStopping = true;
      return counted(rows);
    },
  );
  await expect(stopped).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});

/** One flipped bit on the disk never changes a fact that decides a verdict: it is refused, reported, or read again. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import { verifyDataFolder } from '../../src/sqlite/verify.js';
import { flipsOf, type May, tryFlips } from '../support/damage.js';
import {
  AT_MS,
  fillInventory,
  listReaders,
  type MadeStore,
  makeStore,
  type Readers,
  readInventory,
  readStore,
  serviceReaders,
} from '../support/damage-store.js';
import { seeded } from '../support/random.js';

// The files are the same in every run, down to the byte, and so are the flipped bits.
const chance = vi.hoisted(() => ({ next: (): number => 0, ulids: 0 }));
vi.mock('node:crypto', async (original) => ({
  ...(await original<typeof import('node:crypto')>()),
  randomBytes: (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(chance.next() * 256))),
  randomInt: (span: number) => Math.floor(chance.next() * span),
}));
vi.mock('ulid', () => ({ ulid: () => `01J${String(++chance.ulids).padStart(23, '0')}` }));

/** The files of every call are the same. */
async function repeatably<T>(make: () => Promise<T>): Promise<T> {
  chance.next = seeded(7);
  chance.ulids = 0;
  vi.useFakeTimers({ toFake: ['Date'], now: AT_MS });
  try {
    return await make();
  } finally {
    vi.useRealTimers();
  }
}

/** Of each file; a run with other seeds is one variable away. */
const FLIPS = Number(process.env.ZEEF_FLIPS ?? 200);
const SEED = Number(process.env.ZEEF_FLIP_SEED ?? 1);
const TRIES_MS = 600_000;

let store: MadeStore;

/** Which facts were other, and how often damage was noticed: the figures to compare. */
function expectNone(wrong: readonly string[], noticed: number): void {
  expect(wrong, `${wrong.length} of ${FLIPS} silently other, ${noticed} noticed`).toEqual([]);
  expect(noticed).toBeGreaterThan(FLIPS / 4);
}

beforeAll(async () => {
  store = await repeatably(makeStore);
});

test('the files are the same in every run', async () => {
  const again = await repeatably(makeStore);
  for (const file of [LISTS_FILE, SERVICE_FILE]) {
    const [one, other] = [store, again].map(({ folder }) => readFileSync(join(folder, file)));
    expect(one!.equals(other!), file).toBe(true);
  }
});

describe('seeded flips', () => {
  test('in the file of the lists: no list, entry, mark or version is silently other', {
    timeout: TRIES_MS,
  }, async () => {
    const flips = flipsOf(join(store.folder, LISTS_FILE), FLIPS, SEED);
    const read = (copy: string) => readStore(copy, store, listReaders as Readers);
    const may = (name: string) => (name === 'feed entries' ? 'lose reported rows' : 'be refused');
    const { wrong, noticed } = await tryFlips(store.folder, LISTS_FILE, flips, read, may);
    expectNone(wrong, noticed);
  });

  test('in the file of the service: no key, tenant, webhook or job is silently other', {
    timeout: TRIES_MS,
  }, async () => {
    const flips = flipsOf(join(store.folder, SERVICE_FILE), FLIPS, SEED);
    const read = (copy: string) => readStore(copy, store, serviceReaders as Readers);
    const { wrong, noticed } = await tryFlips(store.folder, SERVICE_FILE, flips, read, () => 'lose reported rows');
    expectNone(wrong, noticed);
  });
});

test('seeded flips in an inventory: no file is lost, misnamed or matched by other hashes', {
  timeout: TRIES_MS,
}, async () => {
  const folder = tempFolder('inventory');
  await repeatably(() => fillInventory(folder));
  const flips = flipsOf(join(folder, INVENTORY_FILE), FLIPS, SEED);
  const may = (name: string): May =>
    name.startsWith('known') ? 'lose rows' : name === 'rematch' ? 'lose reported rows' : 'be refused';
  const { wrong, noticed } = await tryFlips(folder, INVENTORY_FILE, flips, readInventory, may);
  expectNone(wrong, noticed);
});

test.each([
  ['a quarantine mark', LISTS_FILE, `UPDATE entry SET quarantined = 1 WHERE entry_id = 'e30'`, 'of entry is not'],
  ['the list of an entry', LISTS_FILE, `UPDATE entry SET list_id = 2 WHERE entry_id = 'e30'`, 'of entry is not'],
  ['a lost total', LISTS_FILE, `UPDATE total SET rows = rows - 1 WHERE name = 'list'`, 'list has other rows'],
  ['a lost key', SERVICE_FILE, `UPDATE total SET sum = sum + 1 WHERE name = 'api_key'`, 'api_key has other rows'],
])('verify finds %s that was changed', (_what, file, sql, problem) => {
  const folder = tempFolder('verified');
  cpSync(store.folder, folder, { recursive: true });
  expect(verifyDataFolder(folder)).toEqual([]);
  const db = new Database(join(folder, file));
  db.exec(sql);
  db.close();
  expect(verifyDataFolder(folder).join()).toContain(problem);
});

/** What happens to an entry happens to its variants, on every store; the review of an import sees them. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addImages, type ImageToAdd } from '../../src/cases/add-images.js';
import { VARIANTS_MAX } from '../../src/cases/variants.js';
import { derivedOf } from '../../src/core/derived.js';
import { formatHash256 } from '../../src/core/hash256.js';
import type { Tombstone } from '../../src/core/parsed-row.js';
import { WHOLE } from '../../src/core/window.js';
import type { HashWants } from '../../src/engine/image-engine.js';
import { approveHeld } from '../../src/lists/list-versions.js';
import { suppress, suppressions, unsuppress } from '../../src/lists/suppressions.js';
import type { EntryChange, HeldEntry } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import { backends } from '../store/backends.js';
import { stream } from '../store/lists-contract.js';
import { randomBytes, seeded } from '../support/random.js';
import { PICTURES } from '../support/running.js';

const DIGESTS = 3;
const PATHS = ['mate-freshflower.jpg', 'lomiri-greentock-by-peter-nerlich.jpg'].map((name) => `${PICTURES}/${name}`);

/** An image that has a path's digests, one hash, and variants that are as near to each other as those of one template. */
function hashed(path: string) {
  const random = seeded(path.length);
  const digestOf = (algorithm: string) => createHash(algorithm).update(path).digest('hex');
  const own = randomBytes(random, 32);
  const parts = Array.from({ length: VARIANTS_MAX }, (_, n) => {
    const hash256 = Uint8Array.from(own);
    hash256[0]! ^= 0x3f;
    for (let at = 1; at < 31; at++) if (randomBytes(random, 1)[0]! < 60) hash256[at]! ^= 1;
    const kind = n % 2 === 0 ? ('crop' as const) : ('rotation' as const);
    const window = { kind, rectangle: WHOLE, degrees: n, proportion: 1 };
    return { window, quality: 100, hashes: [hash256], certain: new Uint8Array(32) };
  });
  return {
    digests: { md5: digestOf('md5'), sha1: digestOf('sha1'), sha256: digestOf('sha256') },
    pdq: { hash: formatHash256(own), quality: 100 },
    pdqFull: null,
    reason: null,
    degenerate: false,
    code: null,
    parts,
  };
}

for (const backend of backends)
  describe(backend.name, () => {
    let store: Store;
    beforeEach(async () => {
      await backend.fresh();
      store = await backend.open();
    });
    afterEach(() => store.close());

    const add = (paths = PATHS, variants = true) => {
      const hashParts = async (image: ImageToAdd, { detail }: HashWants) => {
        const { path } = image as { path: string };
        const { parts, ...rest } = hashed(path);
        return { ...rest, parts: detail === 'variants' ? parts : [] };
      };
      const parts = { hashParts, whenRoom: async () => {}, radiusBits: 31, detail: 'plain' as const };
      return addImages(parts, {
        list: 'own',
        lists: store.lists,
        images: paths.map((path) => ({ path })),
        about: { source: 'desk' },
        variants,
      });
    };
    const rowsOf = async (entryId: string) => store.lists.entry('own', entryId);
    async function added(): Promise<{ readonly id: string; readonly other: string; readonly all: number }> {
      const { images, report } = await add();
      expect(report?.held).toEqual([]);
      const [id, other] = images.map(({ entryId }) => entryId!) as [string, string];
      const all = (await rowsOf(id)).length;
      expect(all).toBe(DIGESTS + 1 + images[0]!.variants);
      expect(images[0]!.variants).toBeGreaterThan(25);
      return { id, other, all };
    }

    test('they have the id of their image, a mark, and a place', async () => {
      const { id } = await added();
      const rows = await rowsOf(id);
      const variants = rows.filter((row) => derivedOf(row) !== null);
      expect(variants).toHaveLength(rows.length - DIGESTS - 1);
      expect(new Set(variants.map(({ algorithm, source, entryId }) => `${algorithm} ${source} ${entryId}`))).toEqual(
        new Set([`pdq desk ${id}`]),
      );
      expect(variants.every(({ notes }) => /^left 0.000, .* turned \d+°$/.test(notes.place!))).toBe(true);
      expect(new Set(variants.flatMap(({ tags }) => tags))).toEqual(new Set(['derived:crop', 'derived:rotation']));
      expect(rows.filter((row) => derivedOf(row) === null).every(({ tags, notes }) => !tags[0] && !notes.place)).toBe(
        true,
      );
    });

    const state = ({ disabled, quarantined, flooded }: HeldEntry) =>
      `${disabled ? 'disabled' : 'enabled'}${quarantined ? ' quarantined' : ''}${flooded ? ' flooded' : ''}`;

    test.each<[readonly EntryChange[], string]>([
      [['disable'], 'disabled'],
      [['disable', 'enable'], 'enabled'],
      [['quarantine'], 'enabled quarantined'],
      [['quarantine', 'release'], 'enabled'],
      [['flood'], 'enabled flooded'],
      [['flood', 'quarantine'], 'enabled quarantined'],
      [['flood', 'release'], 'enabled'],
      [['disable', 'quarantine'], 'disabled quarantined'],
      [['quarantine', 'flood', 'disable'], 'disabled quarantined'],
    ])('%j changes all values of the image, and no others', async (changes, expected) => {
      const { id, other, all } = await added();
      for (const change of changes) await store.lists.changeEntries('own', { entryId: id }, change);
      expect((await rowsOf(id)).map(state)).toEqual(Array.from({ length: all }, () => expected));
      expect(new Set((await rowsOf(other)).map(state))).toEqual(new Set(['enabled']));
      // Added again they stay so.
      await add(PATHS.slice(0, 1));
      expect((await rowsOf(id)).map(state)).toEqual(Array.from({ length: all }, () => expected));
    });

    test('a suppression of the entry, or of its source, is one of its variants', async () => {
      const { id, other, all } = await added();
      expect(await suppress(store.lists, { list: 'own', entryId: id })).toEqual({ id: null, entries: all });
      expect(new Set((await rowsOf(id)).map(state))).toEqual(new Set(['enabled quarantined']));
      expect(await suppressions(store.lists)).toMatchObject([{ list: 'own', entryId: id }]);
      await unsuppress(store.lists, { list: 'own', entryId: id });
      expect(await suppress(store.lists, { list: 'own', source: 'desk' })).toEqual({ id: null, entries: 2 * all });
      expect(new Set((await rowsOf(other)).map(state))).toEqual(new Set(['enabled quarantined']));
    });

    test.each<[string, (id: string) => Promise<unknown>]>([
      ['removed', (entryId) => store.lists.changeEntries('own', { entryId }, 'remove')],
      [
        'withdrawn',
        (entryId) => {
          const gone: Tombstone = { entryId, at: '2100-01-01T00:00:00Z' };
          return store.lists.addEntries('own', stream([{ ok: false, line: 1, reason: 'not_active', gone }]));
        },
      ],
    ])('an entry that is %s leaves nothing', async (_, act) => {
      const { id, other, all } = await added();
      await act(id);
      expect(await rowsOf(id)).toEqual([]);
      expect(await rowsOf(other)).toHaveLength(all);
      expect(await store.lists.list('own')).toMatchObject({ entryCount: all });
    });

    test.each<EntryChange>(['disable', 'quarantine'])('after %s an image gets no variants', async (change) => {
      const { images } = await add(PATHS, false);
      const entryId = images[0]!.entryId!;
      await store.lists.changeEntries('own', { entryId }, change);
      const again = await add();
      expect(again.images).toMatchObject([{ variants: 0, inactive: true }, { inactive: false }]);
      expect(await rowsOf(entryId)).toHaveLength(DIGESTS + 1);
      expect((await rowsOf(images[1]!.entryId!)).length).toBeGreaterThan(25);
    });

    test('the review sees canaries in them; they are no change, and no crowd', async () => {
      const { id } = await added();
      const variant = (await rowsOf(id)).find((row) => derivedOf(row) === 'rotation')!;
      await store.lists.changeEntries('own', { entryId: id }, 'remove');
      // More entries than a list may grow by, as near to each other as a crowd; the list has some already.
      const { images, report } = await add(PATHS.slice(0, 1));
      expect(report).toMatchObject({ held: [], added: DIGESTS + 1 + images[0]!.variants });
      await store.lists.changeEntries('own', { entryId: images[0]!.entryId! }, 'remove');
      await suppress(store.lists, { algorithm: 'pdq', value: variant.value });
      const again = await add(PATHS.slice(0, 1));
      expect(again.report?.held.map(({ rule }) => rule)).toEqual(['canary']);
      expect(await rowsOf(again.images[0]!.entryId!)).toEqual([]);
      await approveHeld(store.lists, 'own');
      const rows = await rowsOf(again.images[0]!.entryId!);
      expect(rows.filter((row) => derivedOf(row) !== null)).toHaveLength(images[0]!.variants);
    });
  });

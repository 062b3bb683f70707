import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { addImages, type ImageToAdd } from '../../src/cases/add-images.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { PICTURES } from '../support/running.js';

test('a confirmed image is not added to a suppression list, and is not even read', async () => {
  const { lists, close } = await openSqliteStore(tempFolder('add-images'));
  await lists.createList({ list: 'benign', kind: 'suppression', radiusBits: 0 });
  const hashParts = () => Promise.reject(new Error('read'));
  const parts = { hashParts, whenRoom: async () => {}, radiusBits: 31, detail: 'plain' as const };
  const request = {
    list: 'benign',
    lists,
    images: [{ path: `${PICTURES}/mate-freshflower.jpg` }],
    about: {},
    variants: false,
  };
  await expect(addImages(parts, request)).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    details: { list: 'benign' },
  });
  expect(await lists.list('benign')).toMatchObject({ entryCount: 0 });
  await close();
});

test('an image keeps its id: added again, twice in one call, and beside others', async () => {
  const { lists, close } = await openSqliteStore(tempFolder('add-images'));
  const names = ['mate-freshflower.jpg', 'lomiri-greentock-by-peter-nerlich.jpg'];
  const hashParts = async (image: ImageToAdd) => {
    const { path } = image as { path: string };
    const of = (algorithm: string) => createHash(algorithm).update(path).digest('hex');
    const digests = { md5: of('md5'), sha1: of('sha1'), sha256: of('sha256') };
    return { digests, pdq: null, pdqFull: null, reason: null, code: null, degenerate: false, parts: [] };
  };
  const add = async (...paths: string[]) => {
    const parts = { hashParts, whenRoom: async () => {}, radiusBits: 31, detail: 'plain' as const };
    const { images } = await addImages(parts, {
      list: 'own',
      lists,
      images: paths.map((path) => ({ path })),
      about: {},
      variants: false,
    });
    return images.map(({ entryId }) => entryId!);
  };
  const [one, two] = names.map((name) => `${PICTURES}/${name}`) as [string, string];
  const [first] = await add(one);
  const again = await add(two, one, one, two);
  expect(again).toEqual([again[0], first, first, again[0]]);
  expect(again[0]).not.toBe(first);
  expect(await lists.changeEntries('own', { entryId: first! }, 'disable')).toBe(3);
  expect(await lists.list('own')).toMatchObject({ entryCount: 3 });
  await close();
});

test.each([
  ['4c1b7fe40e7d1a2c934ee5f2c9b0d638a75f1c2e8d3b6490f1e72a5c8b3d4e61', false, 4],
  ['aaaa5555aaaa5555aaaa5555aaaa5555aaaa5555aaaa5555aaaa5555aaaa5555', true, 3],
])(
  'of an image whose hash is one-dimensional only the digests are stored: %s',
  async (hash, lowQuality, entryCount) => {
    const { lists, close } = await openSqliteStore(tempFolder('add-images'));
    const digests = { md5: '1'.repeat(32), sha1: '2'.repeat(40), sha256: '3'.repeat(64) };
    const hashParts = async () => ({
      digests,
      pdq: { hash, quality: 100 },
      pdqFull: null,
      reason: null,
      code: null,
      degenerate: false,
      parts: [],
    });
    const parts = { hashParts, whenRoom: async () => {}, radiusBits: 31, detail: 'plain' as const };
    const { images } = await addImages(parts, {
      list: 'own',
      lists,
      images: [{ path: `${PICTURES}/mate-freshflower.jpg` }],
      about: {},
      variants: false,
    });
    expect(images).toMatchObject([{ lowQuality }]);
    expect(await lists.list('own')).toMatchObject({ entryCount });
    await close();
  },
);

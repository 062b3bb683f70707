/** Blobs in PostgreSQL: what a killed writer leaves, damage, lost replies; and the place outside, which is one for all. */
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { openBlobs } from '../../src/blobs/open-blobs.js';
import { openPostgresStore } from '../../src/postgres/open.js';
import type { BlobStore } from '../../src/store/blob-contract.js';
import { keyFromText } from '../../src/vault/master-key.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';

const place = async () => (await sharedServer()).createDatabase();

async function opened<T>(url: string, outside: BlobStore | null, use: (blobs: BlobStore) => Promise<T>): Promise<T> {
  const master = keyFromText('1'.repeat(64));
  const store = await openPostgresStore(url, { master, stagingFolder: tempFolder('staged'), blobs: outside });
  try {
    return await use(store.blobs);
  } finally {
    await store.close();
  }
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function textOf(blobs: BlobStore, name: string): Promise<string> {
  let text = '';
  for await (const piece of await blobs.get(name)) text += piece.toString();
  return text;
}

const parts = async (url: string) =>
  (await (await sharedServer()).run('SELECT DISTINCT body FROM blob_part', url)).length;

describe.runIf(hasPostgres)('blobs in PostgreSQL', () => {
  test('parts that no blob names are deleted after a day, and not before', async () => {
    const url = await place();
    await opened(url, null, async (blobs) => {
      await blobs.put('kept', bytesOf('kept'));
      const server = await sharedServer();
      await server.run(
        `INSERT INTO blob_part (body, part, bytes, at) VALUES ('new', 0, 'a', now() - interval '23 hours'),
           ('old', 0, 'a', now() - interval '25 hours'), ('old', 1, 'a', now() - interval '25 hours');
         UPDATE blob_part SET at = now() - interval '25 hours' WHERE body NOT IN ('old', 'new')`,
        url,
      );
      await blobs.put('other', bytesOf('other'));
      expect(await parts(url)).toBe(3);
      expect(await textOf(blobs, 'kept')).toBe('kept');
    });
  });

  test.each([
    ['changed', `UPDATE blob_part SET bytes = 'b'`],
    ['shorter', `UPDATE blob_part SET bytes = ''`],
    ['lost', 'DELETE FROM blob_part'],
  ])('a part that is %s fails the reader', async (_how, damage) => {
    const url = await place();
    await opened(url, null, async (blobs) => {
      await blobs.put('a', bytesOf('a'));
      await (await sharedServer()).run(damage, url);
      await expect(textOf(blobs, 'a')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });
  });

  test('a blob that is replaced or removed leaves no parts', async () => {
    const url = await place();
    await opened(url, null, async (blobs) => {
      await blobs.put('a', bytesOf('1'));
      await blobs.put('a', bytesOf('2'));
      expect(await parts(url)).toBe(1);
      await blobs.remove('a');
      expect(await parts(url)).toBe(0);
    });
  });
});

describe.runIf(hasPostgres)('the place outside', () => {
  const refused = { code: 'CONFIG_INVALID' };
  const use = async (blobs: BlobStore) => void (await blobs.put('a', bytesOf('a')));

  test('is one for all processes of a store', async () => {
    const url = await place();
    const folder = tempFolder('blobs');
    await opened(url, openBlobs(folder, {}), use);
    expect(await opened(url, openBlobs(folder, {}), (blobs) => textOf(blobs, 'a'))).toBe('a');
    await expect(opened(url, openBlobs(tempFolder('other'), {}), use), 'another folder').rejects.toMatchObject(refused);
    await expect(opened(url, null, use), 'none').rejects.toMatchObject(refused);
  });

  test('several that come first at once mark it alike', async () => {
    const url = await place();
    await opened(url, null, async () => {});
    const folder = tempFolder('blobs');
    await Promise.all(Array.from({ length: 4 }, () => opened(url, openBlobs(folder, {}), use)));
    expect(await opened(url, openBlobs(folder, {}), (blobs) => textOf(blobs, 'a'))).toBe('a');
  });

  test('is that of one store', async () => {
    const folder = tempFolder('blobs');
    await opened(await place(), openBlobs(folder, {}), use);
    await expect(opened(await place(), openBlobs(folder, {}), use)).rejects.toMatchObject(refused);
  });

  test('is not set while bodies are in the database', async () => {
    const url = await place();
    const folder = tempFolder('blobs');
    await opened(url, null, use);
    await expect(opened(url, openBlobs(folder, {}), use)).rejects.toMatchObject(refused);
    await opened(url, null, (blobs) => blobs.remove('a'));
    await opened(url, openBlobs(folder, {}), use);
  });
});

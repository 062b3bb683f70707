import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { Algorithm } from '../../src/core/vocabulary.js';
import { readIndexFile, writeIndexFile } from '../../src/index/index-file.js';
import { buildRing, givenHashes } from '../../src/index/ring.js';
import { sealStream } from '../../src/vault/sealed-stream.js';
import { orLeftOut } from '../support/left-out.js';
import { randomBytes, seeded } from '../support/random.js';
import { vaultOf } from '../support/vault.js';

const position = { storeId: 7, generation: 12 };
const section = (algorithm: Algorithm, valueBytes: number, count: number) => ({
  algorithm,
  valueBytes,
  keys: Uint32Array.from({ length: count }, (_, at) => at * 3 + 1),
  listKeys: Uint16Array.from({ length: count }, (_, at) => at % 5),
  values: randomBytes(seeded(count + valueBytes), count * valueBytes),
});
const sections = [section('pdq', 32, 40), section('md5', 16, 3), section('sha1', 20, 0)];

let path: string;
beforeEach(async () => {
  path = join(tempFolder('index'), 'zeef.index');
  await writeIndexFile(
    path,
    position,
    sections.map((one) => ({
      ...one,
      values: [one.values.subarray(0, one.valueBytes), one.values.subarray(one.valueBytes)],
    })),
    vaultOf(),
  );
});

test('a file is read as it was written, only its owner may read it, and nothing is left beside it', async () => {
  const read = await readIndexFile(path, vaultOf());
  expect(read.position).toEqual(position);
  expect(read.sections.map((one) => ({ ...one, values: Uint8Array.from(one.values) }))).toEqual(sections);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(path, '..'))).toEqual(['zeef.index']);
});

test('a flipped bit anywhere is refused', async () => {
  const good = readFileSync(path);
  for (let bit = 0; bit < good.length * 8; bit += bit < 1_000 ? 1 : 37) {
    const bad = Buffer.from(good);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(path, bad);
    await expect(readIndexFile(path, vaultOf()), `bit ${bit}`).rejects.toMatchObject({ code: 'INDEX_FILE_INVALID' });
  }
});

test('a truncated or extended file is refused', async () => {
  const good = readFileSync(path);
  for (let bytes = 0; bytes < good.length; bytes += bytes < 200 ? 1 : 13) {
    writeFileSync(path, good);
    truncateSync(path, bytes);
    await expect(readIndexFile(path, vaultOf()), `${bytes} bytes`).rejects.toMatchObject({
      code: 'INDEX_FILE_INVALID',
    });
  }
  writeFileSync(path, Buffer.concat([good, Buffer.alloc(1)]));
  await expect(readIndexFile(path, vaultOf())).rejects.toMatchObject({ code: 'INDEX_FILE_INVALID' });
});

/** The content under the seal, with `rest` bytes after the header. */
function withHeader(header: string, rest = 100): string {
  return `ZEEFIDX2${String.fromCharCode(header.length)}\0\0\0\0\0\0\0${header}${'x'.repeat(rest)}`;
}

describe('an invalid index file', () => {
  test.each([
    ['an empty file', ''],
    ['text', 'hello, this is a text of some length that is no index file at all'],
    ['a header that names gigabytes', `ZEEFIDX2\xff\0\0\0\0\0\0\0${'{"sections":[{"entryCount":9e9}]}'.padEnd(255)}`],
    ['a header that is not JSON', `ZEEFIDX2\x10\0\0\0\0\0\0\0${'x'.repeat(100)}`],
    ['a header that is null', `ZEEFIDX2\x04\0\0\0\0\0\0\0null${'x'.repeat(100)}`],
    ['a section that is null', withHeader('{"position":1,"sections":[null]}')],
    ['a negative count', withHeader('{"position":1,"sections":[{"algorithm":"md5","entryCount":-5,"valueBytes":16}]}')],
    [
      'more entries than the file has bytes for',
      withHeader('{"position":1,"sections":[{"algorithm":"md5","entryCount":900000000000,"valueBytes":16}]}'),
    ],
    [
      'values of another length than that of their algorithm',
      withHeader('{"position":1,"sections":[{"algorithm":"md5","entryCount":1,"valueBytes":20}]}', 26),
    ],
    [
      'an unknown algorithm',
      withHeader('{"position":1,"sections":[{"algorithm":"md4","entryCount":1,"valueBytes":16}]}', 22),
    ],
    ['more bytes than its sections', withHeader('{"position":1,"sections":[]}', 1)],
  ])('%s is refused', async (_name, bytes) => {
    // As it is, and under a valid seal: the content is checked too.
    writeFileSync(path, Buffer.from(bytes, 'latin1'));
    await expect(readIndexFile(path, vaultOf())).rejects.toMatchObject({ code: 'INDEX_FILE_INVALID' });
    await writeFile(path, sealStream(vaultOf(), [Buffer.from(bytes, 'latin1')]));
    await expect(readIndexFile(path, vaultOf())).rejects.toMatchObject({ code: 'INDEX_FILE_INVALID' });
  });

  test('a missing file and an unwritable folder are FILE_UNREADABLE', async () => {
    await expect(readIndexFile(`${path}.none`, vaultOf())).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(writeIndexFile(join(path, 'x'), position, [], vaultOf())).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });
});

const hasProc = orLeftOut(existsSync('/proc/self/fd'), 'There is no /proc', 'tests of open files');

test.runIf(hasProc)('a file that is refused is closed', async () => {
  writeFileSync(path, 'hello, this is a text of some length that is no index file at all');
  const isOpen = () =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  await expect(readIndexFile(path, vaultOf())).rejects.toMatchObject({ code: 'INDEX_FILE_INVALID' });
  await expect.poll(isOpen).toBe(false);
});

test('a failed write leaves the old file', async () => {
  const before = readFileSync(path);
  const failing = {
    ...sections[0]!,
    values: (function* () {
      yield new Uint8Array(32);
      throw new Error('the source broke');
    })(),
  };
  await expect(writeIndexFile(path, position, [failing], vaultOf())).rejects.toThrow();
  expect(readFileSync(path)).toEqual(before);
  expect(readdirSync(join(path, '..'))).toEqual(['zeef.index']);
});

test('a ring returns the hashes that it was built from, in any number of pieces', () => {
  const hashes = randomBytes(seeded(4), 40_000 * 32);
  const back = Buffer.concat(Array.from(givenHashes(buildRing(hashes).share()), (piece) => Buffer.from(piece)));
  expect(back.equals(hashes)).toBe(true);
});

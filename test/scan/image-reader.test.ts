import { unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import type { FileSource, HashReply } from '../../src/engine/image-engine.js';
import { ImageReader } from '../../src/scan/image-reader.js';
import { Anchors } from '../../src/scan/walk/anchors.js';
import { Walker } from '../../src/scan/walk/walker.js';
import { replyOfFile } from '../support/scan-parts.js';

const UNREADABLE: HashReply = {
  ok: false,
  reason: 'not_an_image',
  code: 'IMAGE_NOT_AN_IMAGE',
  digests: { sha256: 'aa' },
  bytes: 1,
  format: null,
  width: null,
  height: null,
};

/** Read one file; `during` may change it while the decoder reads it, by the number of the read. */
async function readFile(during: (reading: number, path: string) => void) {
  const folder = tempFolder('file-changes');
  const path = join(folder, 'a.jpg');
  writeFileSync(path, 'first');
  let readings = 0;
  const walker = new Walker({ threads: 1, followsLinks: false, stallMs: 10_000, env: {}, onStall: () => {} });
  try {
    const files = new ImageReader({
      hashReply: (input) =>
        replyOfFile((input as { readonly file: FileSource }).file, () => {
          during(++readings, path);
          return UNREADABLE;
        }),
      imageBytesMax: 1_000_000,
      walker,
      throttle: { filesAtOnce: Number.POSITIVE_INFINITY, take: async () => {} } as never,
      committer: {} as never,
      wants: {
        digests: ['sha256'],
        orientations: 'none',
        families: 'both',
        algorithms: ['pdq'],
        frames: 1,
        detail: 'plain',
      },
      scan: 1,
    });
    const place = new Anchors([], false).placeOf(pathBytesOf(folder));
    const { identity, storedBytes } = await files.statNow(place, 'a.jpg');
    const { facts } = await files.read({ place, folderId: 1, fileKey: 0, name: 'a.jpg', identity, storedBytes });
    return { facts, readings };
  } finally {
    walker.close();
  }
}

test('an unchanged file is read once, and has the decoder’s reason', async () => {
  const { facts, readings } = await readFile(() => {});
  expect([facts.code, facts.digests, readings]).toEqual(['IMAGE_NOT_AN_IMAGE', { sha256: 'aa' }, 1]);
});

test('a file that is written while it is read is read once more', async () => {
  const { facts, readings } = await readFile((reading, path) => {
    if (reading === 1) writeFileSync(path, 'second, longer');
  });
  expect([facts.code, facts.size, readings]).toEqual(['IMAGE_NOT_AN_IMAGE', 14, 2]);
});

test('a file that is written during each read is FILE_CHANGED, without digests', async () => {
  const { facts, readings } = await readFile((reading, path) => utimesSync(path, reading, reading));
  expect([facts.verdict, facts.reason, facts.code, facts.digests, readings]).toEqual([
    'not_checked',
    'unreadable',
    'FILE_CHANGED',
    {},
    2,
  ]);
});

test('a file that is removed while it is read is FILE_VANISHED', async () => {
  const { facts, readings } = await readFile((_reading, path) => unlinkSync(path));
  expect([facts.verdict, facts.code, readings]).toEqual(['not_checked', 'FILE_VANISHED', 1]);
});

/** Archives of every kind, and entries of every kind: opened, or a line. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { type Headers, pack } from 'tar-stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runScan } from '../../../bench/scan-run.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { shownPath } from '../../../src/core/path-bytes.js';
import type { FileResult } from '../../../src/scan/facts/file-result.js';
import { corpusPath, hasCorpus } from '../../support/corpus.js';
import { ARCHIVES, IMAGES, OTHERS, tarOfVersion7, VIDEOS } from '../../support/magic-samples.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../../support/running.js';
import { zipOf } from '../../support/zip.js';

const listed = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
const other = readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'));
const { zstdCompressSync } = zlib as { readonly zstdCompressSync?: (bytes: Buffer) => Buffer };

let running: Running;
let work: string;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());
beforeEach(() => {
  work = tempFolder('archive-kinds');
});

const write = (name: string, bytes: Buffer) => writeFileSync(join(work, name), bytes);
const named = (name: string, content: Buffer) => ({ name: Buffer.from(name, 'latin1'), content });

async function scanned({ archives = true, digestsAll = false, isKept = false } = {}) {
  const results: FileResult[] = [];
  const summary = await runScan(running.service, work, {
    inventory: isKept ? `${work}-inventory` : null,
    onResult: (result) => results.push(result),
    request: { archives, digestsAll },
  });
  const lines = results.map(({ pathBytes, verdict, reason }) => [
    shownPath(pathBytes).slice(work.length + 1),
    reason ?? verdict,
  ]);
  return { summary, lines: lines.sort(), results };
}

async function tarOf(...entries: readonly [Headers & { pax?: object }, Buffer?][]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of entries) tar.entry(header, content ?? Buffer.alloc(0));
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('files of formats that are not decoded', () => {
  test('images are lines, videos and others are counted by kind; the second scan says the same', async () => {
    for (const [at, bytes] of Object.values(IMAGES).entries()) write(`image-${at}`, bytes);
    for (const [at, bytes] of Object.values(VIDEOS).entries()) write(`video-${at}`, bytes);
    for (const [at, bytes] of Object.values(OTHERS).entries()) write(`other-${at}`, bytes);
    const images = Object.keys(IMAGES).length;
    const notImages = { video: Object.keys(VIDEOS).length, archive: 0, other: Object.keys(OTHERS).length };
    for (const digestsAll of [false, false, true, true]) {
      const { summary, lines } = await scanned({ isKept: true, digestsAll });
      expect(lines).toHaveLength(images);
      expect(summary).toMatchObject({
        byReason: { unsupported_format: images },
        notPictures: notImages.video + notImages.other,
        notImages,
      });
    }
  });

  test('archives are lines where they were to be opened, and counted where not, whatever an inventory says', async () => {
    const names = Object.values(ARCHIVES).map((bytes, at) => {
      write(`archive-${at}`, bytes);
      return `archive-${at}`;
    });
    const counted = { archives: names.length, notImages: { archive: names.length } };
    for (const isKept of [false, true]) {
      const closed = await scanned({ archives: false, isKept });
      expect(closed).toMatchObject({ lines: [], summary: counted });
      const opened = await scanned({ isKept });
      expect(opened.lines).toEqual(names.sort().map((name) => [name, 'unsupported_format']));
      expect(opened.summary).toMatchObject({ archives: names.length, notPictures: 0 });
      const digested = await scanned({ isKept, digestsAll: true });
      expect(digested.lines).toEqual(opened.lines);
      expect(digested.results.every(({ digests }) => digests.sha256 !== undefined)).toBe(true);
      expect((await scanned({ archives: false, isKept })).summary).toMatchObject(counted);
    }
  });
});

describe('archives that are opened', () => {
  const zip = zipOf([named('in.jpg', listed)]);

  test('a zip behind a program, whether its positions are of the file or of the zip', async () => {
    const program = Buffer.concat([OTHERS.program!, Buffer.from('PK\x05\x06')]);
    write('plain.exe', Buffer.concat([program, zip]));
    // The positions in the directory and in the end record, moved by the length of the program.
    const moved = Buffer.from(zip);
    const end = moved.length - 22;
    const directory = moved.readUInt32LE(end + 16);
    moved.writeUInt32LE(directory + program.length, end + 16);
    moved.writeUInt32LE(program.length, directory + 42);
    write('corrected.exe', Buffer.concat([program, moved]));
    expect((await scanned()).lines).toEqual([
      ['corrected.exe!/in.jpg', 'match'],
      ['plain.exe!/in.jpg', 'match'],
    ]);
    expect((await scanned({ archives: false })).summary).toMatchObject({ archives: 2, notImages: { archive: 2 } });
  });

  test.runIf(hasCorpus)('the self-extracting zip of the cases', async () => {
    write('R27.exe', readFileSync(corpusPath('cases', 'scan', 'R27-self-extracting.zip')));
    const { summary } = await scanned();
    expect(summary).toMatchObject({ files: 2, archives: 1, checked: 1 });
  });

  test('a tar without a magic number, and tars that gzip or zstd packed; one file that gzip packed', async () => {
    const tar = await tarOf([{ name: 'in.jpg' }, listed], [{ name: 'other.jpg' }, other]);
    write('seven.tar', tarOfVersion7('in.jpg', listed));
    write('box.tgz', zlib.gzipSync(tar));
    write('two.tar.gz', Buffer.concat([zlib.gzipSync(tar.subarray(0, 1_000)), zlib.gzipSync(tar.subarray(1_000))]));
    write('photo.jpg.gz', zlib.gzipSync(listed));
    write('text.gz', zlib.gzipSync(Buffer.from('text')));
    const zstd = zstdCompressSync?.(tar) ?? Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.alloc(20)]);
    write('box.tar.zst', zstd);
    const { lines, summary } = await scanned({ isKept: true });
    expect(lines).toEqual([
      zstdCompressSync ? ['box.tar.zst!/in.jpg', 'match'] : ['box.tar.zst', 'unsupported_format'],
      ['box.tgz!/in.jpg', 'match'],
      ['photo.jpg.gz!/photo.jpg', 'match'],
      ['seven.tar!/in.jpg', 'match'],
      ['two.tar.gz!/in.jpg', 'match'],
    ]);
    expect(summary).toMatchObject({ archives: 6, notImages: { other: 1 } });
    const again = await scanned({ isKept: true });
    expect(again.lines).toEqual(lines);
    expect(again.summary).toMatchObject({ fromInventory: summary.files, bytesRead: 0 });
  });

  test('a packed tar that is cut or a bomb is one line, and its entries before that are reported', async () => {
    // Bytes that do not compress, so that the cut is behind the first entry.
    const tar = await tarOf([{ name: 'in.jpg' }, listed], [{ name: 'other.jpg' }, other]);
    const packed = zlib.gzipSync(tar);
    write('cut.tgz', packed.subarray(0, packed.length - 1_000));
    write(
      'bomb.tgz',
      zlib.gzipSync(await tarOf([{ name: 'in.jpg' }, listed], [{ name: 'x' }, Buffer.alloc(60_000_000)])),
    );
    write('text.tgz', Buffer.concat([Buffer.from('1f8b0800', 'hex'), Buffer.alloc(100, 7)]));
    expect((await scanned()).lines).toEqual([
      ['bomb.tgz!/in.jpg', 'match'],
      ['bomb.tgz', 'too_large'],
      ['cut.tgz!/in.jpg', 'match'],
      ['cut.tgz', 'corrupt'],
      ['text.tgz', 'corrupt'],
    ]);
  });
});

test('the headers of a tar are bounded: they are in memory whole', async () => {
  const tar = await tarOf([{ name: 'in.jpg' }, listed], [{ name: 'x', type: 'file', pax: { comment: 'c' } }]);
  const at = tar.indexOf('PaxHeader', 0, 'latin1');
  expect(at % 512).toBe(0);
  tar.write(`${(8e9).toString(8).padStart(11, '0')}\0`, at + 124, 'latin1');
  tar.fill(' ', at + 148, at + 156);
  const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  write('box.tar', tar);
  truncateSync(join(work, 'box.tar'), 9e9);
  expect((await scanned()).lines).toEqual([
    ['box.tar!/in.jpg', 'match'],
    ['box.tar', 'too_large'],
  ]);
});

describe('entries of every kind', () => {
  const inner = zipOf([named('in.jpg', listed)]);

  test('an archive in an archive is a line, an image or video as outside', async () => {
    const entries = [
      named('inner.zip', inner),
      named('inner.7z', ARCHIVES['7z']!),
      named('inner.tgz', zlib.gzipSync(inner)),
      named('a.psd', IMAGES.psd!),
      named('a.mp4', VIDEOS.mp4!),
      named('a.txt', Buffer.from('text')),
    ];
    write('box.zip', zipOf(entries));
    write('inner.zip.gz', zlib.gzipSync(inner));
    const { lines, summary } = await scanned({ isKept: true });
    expect(lines).toEqual([
      ['box.zip!/a.psd', 'unsupported_format'],
      ['box.zip!/inner.7z', 'unsupported_format'],
      ['box.zip!/inner.tgz', 'unsupported_format'],
      ['box.zip!/inner.zip', 'unsupported_format'],
      ['inner.zip.gz!/inner.zip', 'unsupported_format'],
    ]);
    expect(summary).toMatchObject({ notImages: { video: 1, archive: 2, other: 1 } });
    expect((await scanned({ isKept: true })).summary).toMatchObject({ notImages: summary.notImages, fromInventory: 9 });
  });

  test('links and devices of a tar are counted, a sparse file is a line, directories are neither', async () => {
    const sparse = await tarOf([{ name: 'old', type: 'file' }, listed]);
    // The old form of GNU: a type of its own.
    sparse.write('S', 156);
    sparse.fill(' ', 148, 156);
    const sum = sparse.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    sparse.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'new' };
    const rest = await tarOf(
      [{ name: 'folder', type: 'directory' }],
      [{ name: 'link', type: 'symlink', linkname: '/etc/passwd' }],
      [{ name: 'hard', type: 'link', linkname: 'old' }],
      [{ name: 'device', type: 'character-device' }],
      [{ name: 'pipe', type: 'fifo' }],
      [{ name: 'GNUSparseFile.1/new', pax }, listed],
      [{ name: 'contiguous', type: 'contiguous-file' }, listed],
    );
    write('box.tar', Buffer.concat([sparse.subarray(0, -1_024), rest]));
    for (const digestsAll of [false, true]) {
      const { lines, summary } = await scanned({ isKept: true, digestsAll });
      expect(lines).toEqual([
        ['box.tar!/contiguous', 'match'],
        ['box.tar!/new', 'unsupported_format'],
        ['box.tar!/old', 'unsupported_format'],
      ]);
      expect(summary).toMatchObject({ files: 8, notImages: { other: 4, archive: 1 } });
      if (digestsAll) expect((await scanned({ isKept: true, digestsAll })).summary.fromInventory).toBe(8);
    }
  });
});

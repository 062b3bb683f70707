/** Directories of TIFF and BigTIFF: what is written is read back, and bytes of any kind end within the bounds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCutOff } from '../../src/decode/cut-off.js';
import { furtherImages } from '../../src/decode/further-images.js';
import { findPreview } from '../../src/decode/raw-preview.js';
import { sniff } from '../../src/decode/sniff.js';
import { type TiffDirectory, TiffReader } from '../../src/decode/tiff-directories.js';
import { readTiffPages } from '../../src/decode/tiff-pages.js';
import { writeTiff } from '../support/raw-writer.js';

type Order = 'II' | 'MM';
interface Form {
  readonly order: Order;
  readonly isBig: boolean;
}
interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly values: readonly number[];
}

const BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8, 18: 8 };
const FORMS: readonly Form[] = (['II', 'MM'] as const).flatMap((order) =>
  [false, true].map((isBig) => ({ order, isBig })),
);

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** By digits: shares no code with the reader. */
function number(value: number, bytes: number, order: Order): Buffer {
  const big = Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex');
  return order === 'MM' ? big : big.reverse();
}

/** Write a chain; values that an entry has no room for are behind their directory. */
function write(chain: readonly (readonly Entry[])[], { order, isBig }: Form): Buffer {
  const [countBytes, word] = isBig ? [8, 8] : [2, 4];
  const mark = number(isBig ? 43 : 42, 2, order);
  const bigHead = [number(8, 2, order), number(0, 2, order)];
  const head = Buffer.concat([Buffer.from(order), mark, ...(isBig ? bigHead : [])]);
  let file = Buffer.concat([head, number(head.length + word, word, order)]);
  chain.forEach((entries, at) => {
    let apart: Uint8Array = Buffer.alloc(0);
    const apartAt = file.length + countBytes + entries.length * (4 + 2 * word) + word;
    const rows = entries.map(({ tag, type, values }) => {
      const content = Buffer.concat(values.map((value) => number(value, BYTES[type]!, order)));
      let value: Uint8Array = Buffer.concat([content, Buffer.alloc(Math.max(0, word - content.length))]);
      if (content.length > word) {
        value = number(apartAt + apart.length, word, order);
        apart = Buffer.concat([apart, content]);
      }
      return Buffer.concat([number(tag, 2, order), number(type, 2, order), number(values.length, word, order), value]);
    });
    const next = at === chain.length - 1 ? 0 : apartAt + apart.length;
    file = Buffer.concat([file, number(entries.length, countBytes, order), ...rows, number(next, word, order), apart]);
  });
  return file;
}

const entryOf = (tag: number): fc.Arbitrary<Entry> =>
  fc.constantFrom(...Object.keys(BYTES).map(Number)).chain((type) =>
    fc.record({
      tag: fc.constant(tag),
      type: fc.constant(type),
      values: fc.array(fc.nat(2 ** Math.min(53, BYTES[type]! * 8) - 1), { minLength: 1, maxLength: 20 }),
    }),
  );
const directory = fc
  .uniqueArray(fc.nat(65_535), { maxLength: 12 })
  .chain((tags) => fc.tuple(...tags.map((tag) => entryOf(tag))));
const chain = fc.array(directory, { minLength: 1, maxLength: 5 });

const entriesOf = (one: TiffDirectory): Entry[] =>
  [...one.entries].map(([tag, { type }]) => ({ tag, type, values: one.values(tag, 1_000) }));

describe('directories', () => {
  test.each(FORMS)('are read back as they were written: $order, BigTIFF $isBig', (form) => {
    fc.assert(
      fc.property(chain, (written) => {
        const tiff = new TiffReader(viewOf(write(written, form)));
        const read = [...tiff.directories()];
        expect(tiff.isBig).toBe(form.isBig);
        expect(read.map(entriesOf)).toEqual(written);
        expect(read.every(({ isWhole, hasMore }) => isWhole && !hasMore)).toBe(true);
        for (const [n, one] of read.entries())
          for (const { tag, values } of written[n]!)
            expect([one.value(tag), one.values(tag, 2)]).toEqual([values[0], values.slice(0, 2)]);
      }),
      { numRuns: 60 },
    );
  });

  test('of a photograph are read back, with those that an entry names', () => {
    for (const order of ['II', 'MM'] as const) {
      const mark = order === 'II' ? 'II*\0' : 'MM\0*';
      const file = writeTiff([{ 256: 640, 257: 480, 330: [{ 256: 320 }, { 256: 160 }] }, { 256: 80 }], { mark });
      const tiff = new TiffReader(viewOf(file));
      const [first, second] = [...tiff.directories()];
      expect([first!.value(256), first!.value(257), second!.value(256)]).toEqual([640, 480, 80]);
      expect(first!.values(330, 8).map((at) => tiff.directory(at)!.value(256))).toEqual([320, 160]);
    }
  });

  test.each(FORMS)(
    'that are cut anywhere have what is there, and say that they are not whole: $order, $isBig',
    (form) => {
      const written: Entry[] = [256, 257, 273].map((tag) => ({ tag, type: 4, values: [tag, 2, 3] }));
      const file = write([written], form);
      for (let length = 0; length < file.length; length++) {
        const [read] = [...new TiffReader(viewOf(file.subarray(0, length))).directories()];
        for (const { tag, values } of read ? entriesOf(read) : []) {
          const whole = written.find((one) => one.tag === tag)!.values;
          expect(values).toEqual(whole.slice(0, values.length));
        }
        const end = form.isBig ? 16 + 8 + 3 * 20 + 8 : 8 + 2 + 3 * 12 + 4;
        expect(read?.isWhole ?? false).toBe(length >= end);
      }
    },
  );

  test('are 1,000 at most, also in a loop, with 512 entries each; of several of one tag the first is read', () => {
    const loop = write([[{ tag: 256, type: 3, values: [7] }]], { order: 'II', isBig: false });
    loop.writeUInt32LE(8, loop.length - 4);
    expect([...new TiffReader(viewOf(loop)).directories()]).toHaveLength(1_000);
    const many = Array.from({ length: 513 }, (_, tag) => ({ tag, type: 3, values: [tag] }));
    for (const count of [512, 513]) {
      const [read] = [...new TiffReader(viewOf(write([many.slice(0, count)], FORMS[0]!))).directories()];
      expect([read!.entries.size, read!.hasMore]).toEqual([512, count > 512]);
    }
    const twice = [1, 2].map((value) => ({ tag: 256, type: 3, values: [value] }));
    expect([...new TiffReader(viewOf(write([twice], FORMS[0]!))).directories()][0]!.value(256)).toBe(1);
  });
});

describe('bytes of any kind behind a head', () => {
  const head = fc.constantFrom('II*\0', 'MM\0*', 'II+\0\x08\0\0\0', 'MM\0+\0\x08\0\0', 'IIRO', 'IIU\0');
  /** Small numbers are places in the file, and counts that fit. */
  const some = fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(12), { maxLength: 400 }));
  const file = fc
    .tuple(head, some)
    .map(([mark, rest]) => Buffer.concat([Buffer.from(mark, 'latin1'), Buffer.from(rest)]));

  test('never fail, and end within the bounds', () => {
    fc.assert(
      fc.property(file, (bytes) => {
        let directories = 0;
        for (const one of new TiffReader(viewOf(bytes)).directories()) {
          directories++;
          expect(one.entries.size).toBeLessThanOrEqual(512);
          for (const tag of one.entries.keys()) expect(one.values(tag, 100).length).toBeLessThanOrEqual(100);
        }
        expect(directories).toBeLessThanOrEqual(1_000);
      }),
      { numRuns: 300 },
    );
  });

  test('have a size, pages, an end and a preview, or none', () => {
    const index = (bytes: Buffer) =>
      Buffer.concat([Buffer.from('ffd8ffe20fff4d504600', 'hex'), bytes, Buffer.alloc(20)]);
    fc.assert(
      fc.property(file, (bytes) => {
        sniff(bytes);
        readTiffPages(viewOf(bytes));
        isCutOff('tiff', bytes);
        findPreview(bytes);
        furtherImages(index(bytes));
      }),
      { numRuns: 300 },
    );
  });
});

test('the size of a BigTIFF is that of its first directory', () => {
  for (const form of FORMS) {
    const size: Entry[] = [
      { tag: 256, type: 3, values: [640] },
      { tag: 257, type: 4, values: [480] },
    ];
    expect(sniff(write([size], form))).toEqual({ format: 'tiff', width: 640, height: 480 });
  }
});

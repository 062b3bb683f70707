/** What a magic number says about a file that is not decoded. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { createDecoder } from '../../src/decode/decode.js';
import {
  END_BYTES,
  HEAD_BYTES,
  identify,
  identifyEnd,
  identifyVolume,
  VOLUME_AT,
  VOLUME_BYTES,
} from '../../src/decode/identify.js';
import { MAGICS } from '../../src/decode/magic.js';
import { sniff } from '../../src/decode/sniff.js';
import { ARCHIVES, IMAGES, OTHERS, tarOfVersion7, tga, tgaFooter, VIDEOS } from '../support/magic-samples.js';
import { zipOf } from '../support/zip.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const whole = (bytes: Buffer) =>
  identify(bytes) ??
  identifyEnd(bytes.subarray(-END_BYTES)) ??
  identifyVolume(bytes.subarray(VOLUME_AT, VOLUME_AT + VOLUME_BYTES));

test.each(Object.entries(IMAGES))('%s is an image of an unsupported format', async (_name, bytes) => {
  expect(identify(bytes)).toMatchObject({ group: 'image' });
  await expect(decoder.decode(bytes)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED_FORMAT' });
});

test.each(Object.entries(VIDEOS))('%s is a video', async (_name, bytes) => {
  expect(identify(bytes)).toMatchObject({ group: 'video' });
  await expect(decoder.decode(bytes)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED_FORMAT' });
});

test.each(Object.entries(ARCHIVES))('%s is an archive', async (_name, bytes) => {
  expect(whole(bytes)).toMatchObject({ group: 'archive' });
  await expect(decoder.decode(bytes)).rejects.toMatchObject({ code: 'IMAGE_NOT_AN_IMAGE' });
});

test.each(Object.entries(OTHERS))('%s is none of these', async (_name, bytes) => {
  expect(sniff(bytes)).toBeNull();
  expect(whole(bytes)).toBeNull();
  await expect(decoder.decode(bytes)).rejects.toMatchObject({ code: 'IMAGE_NOT_AN_IMAGE' });
});

test('each magic number of the table is found, within the first bytes, with a source', () => {
  for (const { group, name, marks, source } of MAGICS) {
    const bytes = Buffer.alloc(HEAD_BYTES);
    for (const [at, mark] of marks) bytes.write(mark, at, 'latin1');
    expect(identify(bytes), name).toEqual({ group, name });
    expect(Math.max(...marks.map(([at, mark]) => at + mark.length))).toBeLessThanOrEqual(HEAD_BYTES);
    expect(source).not.toBe('');
    // What is decoded stays decoded: no mark here is one of those.
    if (name !== 'cr2') expect(sniff(bytes), name).toBeNull();
  }
});

test('by the end of a file: a TGA of any type, and a zip behind anything, with a comment', async () => {
  const indexed = tga(1);
  expect(identify(indexed)).toBeNull();
  const file = Buffer.concat([indexed, tgaFooter]);
  expect(identifyEnd(file)).toEqual({ group: 'image', name: 'tga' });
  await expect(decoder.decode(file)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED_FORMAT' });
  const zip = zipOf([{ name: Buffer.from('a'), content: Buffer.from('PK\x05\x06') }]);
  const comment = Buffer.alloc(65_535, `PK\x05\x06${'c'.repeat(100)}`);
  zip.writeUInt16LE(comment.length, zip.length - 2);
  const behind = Buffer.concat([OTHERS.program!, zip, comment]);
  expect(identifyEnd(behind.subarray(-END_BYTES))).toEqual({ group: 'archive', name: 'zip' });
  expect(identifyEnd(behind.subarray(0, -1).subarray(-END_BYTES))).toBeNull();
});

test('a tar without a magic number has the sum of its header', () => {
  const tar = tarOfVersion7('a.jpg', Buffer.from('a'));
  expect(identify(tar)).toEqual({ group: 'archive', name: 'tar' });
  tar[0]!++;
  expect(identify(tar)).toBeNull();
});

test('any bytes are of a kind or of none, in a time that does not depend on them', () => {
  const starts = MAGICS.map(({ marks }) => marks[0]![1]);
  fc.assert(
    fc.property(fc.constantFrom('', ...starts), fc.uint8Array({ maxLength: 6_000 }), (start, rest) => {
      const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest]);
      for (const known of [identify(bytes), identifyEnd(bytes), identifyVolume(bytes)])
        if (known !== null) expect(['image', 'video', 'archive']).toContain(known.group);
    }),
  );
  const hostile = [
    `P1${' '.repeat(4_094)}`,
    `P1${'#\n'.repeat(2_047)}`,
    '/*'.repeat(2_048),
    `#define ${'_'.repeat(4_000)}`,
  ];
  for (const one of hostile) {
    const startedMs = performance.now();
    for (let n = 0; n < 100; n++) identify(Buffer.from(one));
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  }
});

/**
 * Kind of a file that `sniff` does not know, by its magic number: an image that is not decoded, a video, or an archive.
 * Pure and of constant cost: the first bytes, and the last ones for formats whose mark is at the end.
 */
import { type FileGroup, MAGICS, type Magic } from './magic.js';

export interface Identified {
  readonly group: FileGroup;
  readonly name: string;
}

/** First bytes by which a file is recognised: no mark lies behind them, and an SVG names itself within them. */
export const HEAD_BYTES = 4_096;
/** Last bytes that `identifyEnd` reads: the end record of a zip with the longest comment. */
export const END_BYTES = 65_557;
/** Position of the volume descriptor of ISO 9660 and UDF, behind 32 KB that may hold anything, and the bytes to read. */
export const VOLUME_AT = 32_768;
export const VOLUME_BYTES = 6;

const ZIP_END_BYTES = 22;
const DMG_TRAILER_BYTES = 512;
const VHD_FOOTER_BYTES = 512;
const TGA_SIGNATURE = 'TRUEVISION-XFILE.\0';
const TAR_BLOCK_BYTES = 512;
const TAR_SUM_AT = 148;
const TAR_SUM_BYTES = 8;
/** A packet of an MPEG transport stream, in a file and on a disk, where each has a time before it. */
const TS_PACKETS = [
  { first: 0, bytes: 188 },
  { first: 4, bytes: 192 },
] as const;
const TS_PACKETS_SEEN = 4;

type Shape = (head: string, bytes: Uint8Array) => boolean;
const u16 = (bytes: Uint8Array, at: number) => bytes[at]! | (bytes[at + 1]! << 8);

/** Source: PCX Technical Reference, ZSoft. Version, run-length encoding, and bits a pixel. */
const isPcx: Shape = (_, bytes) =>
  bytes[0] === 10 &&
  [0, 2, 3, 4, 5].includes(bytes[1]!) &&
  bytes[2] === 1 &&
  [1, 2, 4, 8].includes(bytes[3]!) &&
  bytes.length >= 128;

/** Source: The SGI Image File Format 1.00. */
const isSgi: Shape = (_, bytes) =>
  bytes[0] === 0x01 &&
  bytes[1] === 0xda &&
  bytes[2]! <= 1 &&
  (bytes[3] === 1 || bytes[3] === 2) &&
  bytes[4] === 0 &&
  bytes[5]! >= 1 &&
  bytes[5]! <= 3;

/** Source: Truevision TGA 2.0. No magic number, but a header without a colour map whose fields all make sense. */
const isTga: Shape = (head, bytes) =>
  bytes[1] === 0 &&
  [2, 3, 10, 11].includes(bytes[2]!) &&
  head.slice(3, 8) === '\0\0\0\0\0' &&
  bytes.length >= 18 &&
  u16(bytes, 12) > 0 &&
  u16(bytes, 14) > 0 &&
  [8, 15, 16, 24, 32].includes(bytes[16]!) &&
  (bytes[17]! & 0xc0) === 0;

/** Source: ISO/IEC 13818-1, 2.4.3: a packet begins with 0x47. */
const isTransportStream: Shape = (_, bytes) =>
  TS_PACKETS.some(({ first, bytes: length }) => {
    if (bytes.length < first + length * TS_PACKETS_SEEN) return false;
    for (let packet = 0; packet < TS_PACKETS_SEEN; packet++) if (bytes[first + packet * length] !== 0x47) return false;
    return true;
  });

/** Source: POSIX.1 ustar, also without its magic (Version 7): the sum of the header, its own field as spaces. */
const isTar: Shape = (head, bytes) => {
  if (bytes.length < TAR_BLOCK_BYTES || bytes[0] === 0) return false;
  const field = head.slice(TAR_SUM_AT, TAR_SUM_AT + TAR_SUM_BYTES);
  if (!/^[ 0]*[0-7]+[ \0]*$/.test(field)) return false;
  let sum = TAR_SUM_BYTES * 0x20;
  for (let at = 0; at < TAR_BLOCK_BYTES; at++)
    if (at < TAR_SUM_AT || at >= TAR_SUM_AT + TAR_SUM_BYTES) sum += bytes[at]!;
  return sum === Number.parseInt(field.trim(), 8);
};

/** Formats with weak marks, or marks with variants. */
const SHAPES: readonly (readonly [FileGroup, string, Shape])[] = [
  ['image', 'pnm', (head) => /^P[1-6](?:\s|#[^\n]*\n)+\d/.test(head.slice(0, 512))],
  ['image', 'pam', (head) => head.startsWith('P7\n')],
  ['image', 'pfm', (head) => /^P[Ff]\s+\d+\s+\d+\s+-?\d/.test(head.slice(0, 64))],
  ['image', 'xbm', (head) => /^(?:\/\*[^*]*\*\/\s*)?#define\s+\w+_width\s+\d/.test(head.slice(0, 512))],
  ['image', 'pcx', isPcx],
  ['image', 'sgi', isSgi],
  ['image', 'tga', isTga],
  ['video', 'mpeg-ts', isTransportStream],
  ['video', 'swf', (head, bytes) => /^[FCZ]WS/.test(head) && bytes[3]! > 0 && bytes[3]! < 64],
  // RFC 9559: also WebM.
  ['video', 'matroska', (head) => head.startsWith('\x1aE\xdf\xa3') && /matroska|webm/.test(head.slice(0, 64))],
  // RFC 8878, 3.1.2: a frame that is skipped.
  ['archive', 'zstd', (head, bytes) => (bytes[0]! & 0xf0) === 0x50 && head.startsWith('*M\x18', 1)],
  ['archive', 'tar', isTar],
];

const AT_START = new Map<number, Magic[]>();
const ELSEWHERE: Magic[] = [];
for (const magic of MAGICS) {
  const [at, bytes] = magic.marks[0]!;
  if (at > 0) ELSEWHERE.push(magic);
  else AT_START.set(bytes.charCodeAt(0), [...(AT_START.get(bytes.charCodeAt(0)) ?? []), magic]);
}

const fits = (head: string) => (magic: Magic) => magic.marks.every(([at, bytes]) => head.startsWith(bytes, at));

/** Brands of images and of sound in ISO base media; all others are videos. Source: mp4ra.org, ISO/IEC 14496-12. */
const ISO_IMAGES = /^(?:crx |jxl |j2ki|avci|heif|mif2|pred)/;
const ISO_SOUND = /^(?:M4A |M4B |M4P |aax |aaxc)/;

function identifyIso(head: string): Identified | null {
  const brand = head.slice(8, 12);
  if (ISO_SOUND.test(brand)) return null;
  if (ISO_IMAGES.test(brand)) return { group: 'image', name: brand === 'crx ' ? 'cr3' : 'heif' };
  return { group: 'video', name: brand === 'qt  ' ? 'quicktime' : brand.startsWith('3g') ? '3gp' : 'mp4' };
}

/** Return what a file is by its first bytes; null if that is unknown. Errors: none, for any bytes. */
export function identify(bytes: Uint8Array): Identified | null {
  const first = bytes.subarray(0, HEAD_BYTES);
  if (first.length === 0) return null;
  const head = Buffer.from(first.buffer, first.byteOffset, first.byteLength).toString('latin1');
  if (head.startsWith('ftyp', 4) && head.length >= 12) return identifyIso(head);
  const isIt = fits(head);
  const magic = AT_START.get(first[0]!)?.find(isIt) ?? ELSEWHERE.find(isIt);
  if (magic) return { group: magic.group, name: magic.name };
  const shape = SHAPES.find(([, , is]) => is(head, first));
  return shape ? { group: shape[0], name: shape[1] } : null;
}

/** Return what a file is by its last bytes, at most `END_BYTES`: a zip behind a program, a disk image, a TGA. */
export function identifyEnd(bytes: Uint8Array): Identified | null {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (end.toString('latin1', Math.max(0, end.length - TGA_SIGNATURE.length)) === TGA_SIGNATURE)
    return { group: 'image', name: 'tga' };
  const startsAt = (back: number, mark: string) =>
    end.length >= back && end.toString('latin1', end.length - back, end.length - back + mark.length) === mark;
  if (startsAt(DMG_TRAILER_BYTES, 'koly')) return { group: 'archive', name: 'dmg' };
  if (startsAt(VHD_FOOTER_BYTES, 'conectix')) return { group: 'archive', name: 'vhd' };
  for (let at = end.lastIndexOf('PK\x05\x06', undefined, 'latin1'); at >= 0; at = before(end, at))
    if (at + ZIP_END_BYTES <= end.length && at + ZIP_END_BYTES + end.readUInt16LE(at + 20) === end.length)
      return { group: 'archive', name: 'zip' };
  return null;
}

const before = (end: Buffer, at: number) => (at === 0 ? -1 : end.lastIndexOf('PK\x05\x06', at - 1, 'latin1'));

/** Return what a file is by its `VOLUME_BYTES` at `VOLUME_AT`. Source: ECMA-119, 8.4; ECMA-167, 2/9.1. */
export function identifyVolume(bytes: Uint8Array): Identified | null {
  const mark = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', 1);
  return mark === 'CD001' || mark === 'BEA01' ? { group: 'archive', name: 'iso9660' } : null;
}

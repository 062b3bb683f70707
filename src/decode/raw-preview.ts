/**
 * The JPEG in a raw photograph that viewers and hosts show: the largest of its previews. Pure, bounded; reads no pixels.
 *
 * Source  TIFF 6.0; Adobe, DNG 1.7; ExifTool's tag names (Panasonic 0x2e, Olympus 0x2020, RAF bytes 84 and 88);
 *         L. Clévy, "Describing the Canon Raw v3 file format".
 */
import { readJpegHeader } from './jpeg-header.js';

export interface Preview {
  readonly jpeg: Uint8Array;
  /** The container is also a TIFF whose first image is not a sensor's, and is smaller or in an unusual form. */
  readonly hasFirstImage: boolean;
}

/** Directories of a photograph: its images, Exif, maker notes; cameras write up to ten. */
const DIRECTORIES_MAX = 24;
/** Entries of a directory; cameras write up to a hundred, and maker notes two hundred. */
const ENTRIES_MAX = 512;
/** Directories that one entry names. */
const VALUES_MAX = 8;
/** Boxes of a CR3, on all levels; cameras write about eighty. */
const BOXES_MAX = 512;
/** Before the frame header of a preview: Exif, a colour profile and the camera's own segments. */
const JPEG_HEADER_BYTES_MAX = 1_048_576;
/** JPEGs considered; cameras write up to four. */
const JPEGS_MAX = 32;
/** A preview box has a short header before its JPEG. */
const PREVIEW_HEADER_BYTES_MAX = 64;

const TAG = {
  panasonicJpeg: 0x2e,
  width: 256,
  height: 257,
  compression: 259,
  photometric: 262,
  strips: 273,
  stripBytes: 279,
  directories: 330,
  jpeg: 513,
  jpegBytes: 514,
  exif: 34_665,
  makerNote: 37_500,
  dngVersion: 50_706,
} as const;
const OLYMPUS = { cameraSettings: 0x2020, preview: 0x101, previewBytes: 0x102 } as const;
const TAGS_READ: ReadonlySet<number> = new Set([...Object.values(TAG), ...Object.values(OLYMPUS)]);
/** Photometric interpretations of a sensor's values: a colour filter array, and linear raw. */
const SENSOR: ReadonlySet<number> = new Set([32_803, 34_892]);
/** Usual compressions of a TIFF, which libvips decodes: none, LZW, JPEG, deflate, PackBits. */
const DECODED: ReadonlySet<number> = new Set([1, 5, 7, 8, 32_773, 32_946]);

/** Values by tag; of an entry of bytes its place and length. */
type Directory = ReadonlyMap<number, readonly number[]>;

/** Keeps the largest JPEG among places of the file. */
class Largest {
  jpeg: Uint8Array | null = null;
  pixels = 0;
  readonly #seen = new Set<number>();

  constructor(private readonly bytes: Uint8Array) {}

  /** Consider what may be a JPEG; not a lossless one, which has the sensor's values. */
  consider(at: number, length: number): void {
    if (this.#seen.size === JPEGS_MAX || this.#seen.has(at) || length <= 0) return;
    if (this.bytes[at] !== 0xff || this.bytes[at + 1] !== 0xd8) return;
    this.#seen.add(at);
    const jpeg = this.bytes.subarray(at, at + length);
    const header = readJpegHeader(jpeg.subarray(0, JPEG_HEADER_BYTES_MAX));
    if (!header || header.isOtherProcess || header.precision !== 8) return;
    if (header.width * header.height <= this.pixels) return;
    this.pixels = header.width * header.height;
    this.jpeg = jpeg;
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Read the values of an entry at `at`; of bytes (type 1, 7) the place and the length. */
function readValues(view: DataView, at: number, little: boolean): number[] {
  const [type, count] = [view.getUint16(at + 2, little), view.getUint32(at + 4, little)];
  if (type === 1 || type === 7) return [count <= 4 ? at + 8 : view.getUint32(at + 8, little), count];
  const bytes = type === 3 ? 2 : type === 4 || type === 13 ? 4 : 0;
  if (bytes === 0) return [];
  const from = count * bytes <= 4 ? at + 8 : view.getUint32(at + 8, little);
  const values: number[] = [];
  for (let index = 0; index < Math.min(count, VALUES_MAX); index++) {
    const place = from + index * bytes;
    if (place + bytes > view.byteLength) break;
    values.push(bytes === 2 ? view.getUint16(place, little) : view.getUint32(place, little));
  }
  return values;
}

function readDirectory(view: DataView, at: number, little: boolean): { directory: Directory; next: number } | null {
  if (at === 0 || at + 2 > view.byteLength) return null;
  const stored = view.getUint16(at, little);
  const directory = new Map<number, number[]>();
  for (let entry = 0; entry < Math.min(stored, ENTRIES_MAX); entry++) {
    const from = at + 2 + entry * 12;
    if (from + 12 > view.byteLength) break;
    const tag = view.getUint16(from, little);
    if (TAGS_READ.has(tag)) directory.set(tag, readValues(view, from, little));
  }
  const end = at + 2 + stored * 12;
  return { directory, next: end + 4 <= view.byteLength ? view.getUint32(end, little) : 0 };
}

/** Return the directories of a TIFF, the first one first; each once, so that a loop ends. */
function directoriesOf(view: DataView, little: boolean): Directory[] {
  const waiting = [view.getUint32(4, little)];
  const seen = new Set<number>();
  const found: Directory[] = [];
  for (let at = waiting.shift(); at !== undefined && found.length < DIRECTORIES_MAX; at = waiting.shift()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const read = readDirectory(view, at, little);
    if (!read) continue;
    found.push(read.directory);
    waiting.push(...(read.directory.get(TAG.directories) ?? []), ...(read.directory.get(TAG.exif) ?? []), read.next);
  }
  return found;
}

/** Olympus and OM System: the preview is named by a directory in the maker note, from whose start its places count. */
function considerOlympus(bytes: Uint8Array, note: number, largest: Largest): void {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + note, Math.min(16, bytes.length - note)).toString('latin1');
  const first = head.startsWith('OLYMPUS\0') ? 12 : head.startsWith('OM SYSTEM\0') ? 16 : 0;
  if (first === 0) return;
  const little = head.slice(first - 4, first - 2) === 'II';
  const view = viewOf(bytes.subarray(note));
  const settings = readDirectory(view, first, little)?.directory.get(OLYMPUS.cameraSettings)?.[0];
  const named = settings === undefined ? undefined : readDirectory(view, settings, little)?.directory;
  const [at] = named?.get(OLYMPUS.preview) ?? [];
  const [length] = named?.get(OLYMPUS.previewBytes) ?? [];
  if (at !== undefined && length !== undefined) largest.consider(note + at, length);
}

function considerDirectory(bytes: Uint8Array, directory: Directory, largest: Largest): void {
  for (const [start, length] of [
    [TAG.strips, TAG.stripBytes],
    [TAG.jpeg, TAG.jpegBytes],
  ] as const) {
    const [starts = [], lengths = []] = [directory.get(start), directory.get(length)];
    if (starts.length === 1 && lengths.length === 1) largest.consider(starts[0]!, lengths[0]!);
  }
  const [at, count] = directory.get(TAG.panasonicJpeg) ?? [];
  if (at !== undefined && count !== undefined) largest.consider(at, count);
  const [note] = directory.get(TAG.makerNote) ?? [];
  if (note !== undefined && note < bytes.length) considerOlympus(bytes, note, largest);
}

const isSensor = (directory: Directory) => SENSOR.has(directory.get(TAG.photometric)?.[0] ?? 0);

/** Pixels of the first image if it is in a usual form. */
function firstPixels(directory: Directory): number {
  const first = (tag: number, otherwise: number) => directory.get(tag)?.[0] ?? otherwise;
  if (isSensor(directory) || !DECODED.has(first(TAG.compression, 1))) return 0;
  return first(TAG.width, 0) * first(TAG.height, 0);
}

/** A TIFF that is not a camera's by its first bytes is a photograph if one of its images has a sensor's values. */
function previewOfTiff(bytes: Uint8Array, kind: 'tiff' | 'cr2' | 'other'): Preview | null {
  const directories = directoriesOf(viewOf(bytes), bytes[0] === 0x49);
  const isPhotograph = (directory: Directory) => directory.has(TAG.dngVersion) || isSensor(directory);
  if (directories.length === 0 || (kind === 'tiff' && !directories.some(isPhotograph))) return null;
  const largest = new Largest(bytes);
  for (const directory of directories) considerDirectory(bytes, directory, largest);
  if (!largest.jpeg) return null;
  if (kind === 'other') return { jpeg: largest.jpeg, hasFirstImage: false };
  const first = directories[0]!;
  return largest.pixels > firstPixels(first) ? { jpeg: largest.jpeg, hasFirstImage: !isSensor(first) } : null;
}

interface Box {
  readonly type: string;
  /** Content. */
  readonly from: number;
  readonly to: number;
}

/** ISO/IEC 14496-12, 4.2. `left`: boxes that may still be read. */
function boxesIn(bytes: Uint8Array, from: number, to: number, left: { boxes: number }): Box[] {
  const view = viewOf(bytes);
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to && left.boxes > 0; left.boxes--) {
    const short = view.getUint32(at);
    const isLong = short === 1 && at + 16 <= to;
    const size = isLong ? view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12) : short === 0 ? to - at : short;
    const head = isLong ? 16 : 8;
    if (size < head) break;
    const type = Buffer.from(bytes.buffer, bytes.byteOffset + at + 4, 4).toString('latin1');
    boxes.push({ type, from: at + head, to: Math.min(at + size, to) });
    at += size;
  }
  return boxes;
}

/** A track of one sample; that of the camera's JPEG has the same form as those of the sensor's values. */
function considerTrack(bytes: Uint8Array, table: readonly Box[], largest: Largest): void {
  const view = viewOf(bytes);
  const box = (type: string, length: number) => table.find((one) => one.type === type && one.from + length <= one.to);
  const [sizes, long, short] = [box('stsz', 12), box('co64', 16), box('stco', 12)];
  if (!sizes || (!long && !short)) return;
  const same = view.getUint32(sizes.from + 4);
  const length = same > 0 ? same : sizes.from + 16 <= sizes.to ? view.getUint32(sizes.from + 12) : 0;
  const at = long
    ? view.getUint32(long.from + 8) * 2 ** 32 + view.getUint32(long.from + 12)
    : view.getUint32(short!.from + 8);
  largest.consider(at, length);
}

/** CR3: the JPEG of the first track, the preview and the thumbnail, each in a box of Canon's. */
function previewOfCr3(bytes: Uint8Array): Preview | null {
  const largest = new Largest(bytes);
  const left = { boxes: BOXES_MAX };
  // Boxes within boxes of other forms: bytes before the first one inside.
  const within: Readonly<Record<string, number>> = { moov: 0, trak: 0, mdia: 0, minf: 0, stbl: 0 };
  const visit = (from: number, to: number): void => {
    const boxes = boxesIn(bytes, from, to, left);
    considerTrack(bytes, boxes, largest);
    for (const box of boxes) {
      if (box.type in within) visit(box.from, box.to);
      // The identifier; a preview has 8 more bytes before its box.
      if (box.type === 'uuid') for (const skipped of [16, 24]) visitPreviews(box.from + skipped, box.to);
    }
  };
  const visitPreviews = (from: number, to: number): void => {
    for (const box of boxesIn(bytes, from, to, left)) {
      if (box.type !== 'PRVW' && box.type !== 'THMB') continue;
      const head = Buffer.from(
        bytes.buffer,
        bytes.byteOffset + box.from,
        Math.min(PREVIEW_HEADER_BYTES_MAX, box.to - box.from),
      );
      const jpeg = head.indexOf('\xff\xd8\xff', 0, 'latin1');
      if (jpeg >= 0) largest.consider(box.from + jpeg, box.to - box.from - jpeg);
    }
  };
  visit(0, bytes.length);
  return largest.jpeg && { jpeg: largest.jpeg, hasFirstImage: false };
}

function previewOfRaf(bytes: Uint8Array): Preview | null {
  if (bytes.length < 92) return null;
  const largest = new Largest(bytes);
  largest.consider(viewOf(bytes).getUint32(84), viewOf(bytes).getUint32(88));
  return largest.jpeg && { jpeg: largest.jpeg, hasFirstImage: false };
}

/** Return the preview of a raw photograph; null if it has none, or is none. Errors: none, for any bytes. */
export function findPreview(bytes: Uint8Array): Preview | null {
  if (bytes.length < 16) return null;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('latin1');
  if (head.startsWith('ftypcrx ', 4)) return previewOfCr3(bytes);
  if (head.startsWith('FUJIFILMCCD-RAW ')) return previewOfRaf(bytes);
  // ORF and RW2: directories of a TIFF behind another mark.
  if (/^(?:IIRO|IIRS|MMOR|IIU\0)/.test(head)) return previewOfTiff(bytes, 'other');
  if (!head.startsWith('II*\0') && !head.startsWith('MM\0*')) return null;
  return previewOfTiff(bytes, head.startsWith('CR', 8) ? 'cr2' : 'tiff');
}

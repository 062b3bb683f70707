/**
 * The JPEG in a raw photograph that viewers and hosts show: the largest of its previews. Pure, bounded; reads no pixels.
 *
 * Source  TIFF 6.0; Adobe, DNG 1.7; ExifTool's tag names (Panasonic 0x2e, Olympus 0x2020, RAF bytes 84 and 88);
 *         L. Clévy, "Describing the Canon Raw v3 file format".
 */
import { readJpegHeader } from './jpeg-header.js';
import { type TiffDirectory, TiffReader } from './tiff-directories.js';

export interface Preview {
  readonly jpeg: Uint8Array;
  /** The container is also a TIFF whose first image is not a sensor's, and is smaller or in an unusual form. */
  readonly hasFirstImage: boolean;
}

/** Directories of a photograph: its images, Exif, maker notes; cameras write up to ten. */
const DIRECTORIES_MAX = 24;
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
const BYTES = 7;
const OLYMPUS = { cameraSettings: 0x2020, preview: 0x101, previewBytes: 0x102 } as const;
/** Photometric interpretations of a sensor's values: a colour filter array, and linear raw. */
const SENSOR: ReadonlySet<number> = new Set([32_803, 34_892]);
/** Usual compressions of a TIFF, which libvips decodes: none, LZW, JPEG, deflate, PackBits. */
const DECODED: ReadonlySet<number> = new Set([1, 5, 7, 8, 32_773, 32_946]);

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

/** Return the directories of a TIFF, the first one first; each once, so that a loop ends. */
function directoriesOf(tiff: TiffReader): TiffDirectory[] {
  const found: TiffDirectory[] = [];
  const places = new Set([tiff.firstAt]);
  // The set grows meanwhile.
  for (const at of places) {
    const directory = tiff.directory(at);
    if (directory) found.push(directory);
    if (found.length === DIRECTORIES_MAX) break;
    const named = [TAG.directories, TAG.exif].flatMap((tag) => directory?.values(tag, VALUES_MAX) ?? []);
    for (const place of [...named, directory?.next ?? 0]) places.add(place);
  }
  return found;
}

/** Consider the JPEG whose place, from `base`, and length are the values of two tags. */
function considerPlace(directory: TiffDirectory, tags: readonly [number, number], largest: Largest, base = 0): void {
  const [places, lengths] = tags.map((tag) => directory.values(tag, 2)) as [number[], number[]];
  if (places.length === 1 && lengths.length === 1) largest.consider(base + places[0]!, lengths[0]!);
}

/** Olympus and OM System: the preview is named by a directory in the maker note, from whose start its places count. */
function considerOlympus(bytes: Uint8Array, note: number, largest: Largest): void {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + note, Math.min(16, bytes.length - note)).toString('latin1');
  const first = head.startsWith('OLYMPUS\0') ? 12 : head.startsWith('OM SYSTEM\0') ? 16 : 0;
  if (first === 0) return;
  const tiff = new TiffReader(viewOf(bytes.subarray(note)), head.startsWith('II', first - 4) ? 'II' : 'MM');
  const outer = tiff.directory(first);
  const settings = outer?.entries.get(OLYMPUS.cameraSettings);
  // Older cameras name it as bytes.
  const named = tiff.directory((settings?.type === BYTES ? settings.at : outer?.value(OLYMPUS.cameraSettings)) ?? 0);
  if (named) considerPlace(named, [OLYMPUS.preview, OLYMPUS.previewBytes], largest, note);
}

function considerDirectory(bytes: Uint8Array, directory: TiffDirectory, largest: Largest): void {
  considerPlace(directory, [TAG.strips, TAG.stripBytes], largest);
  considerPlace(directory, [TAG.jpeg, TAG.jpegBytes], largest);
  const [jpeg, note] = [TAG.panasonicJpeg, TAG.makerNote].map((tag) => directory.entries.get(tag));
  if (jpeg) largest.consider(jpeg.at, jpeg.bytes);
  if (note && note.at < bytes.length) considerOlympus(bytes, note.at, largest);
}

const isSensor = ({ value }: TiffDirectory) => SENSOR.has(value(TAG.photometric) ?? 0);

/** Pixels of the first image if it is in a usual form. */
function firstPixels(directory: TiffDirectory): number {
  if (isSensor(directory) || !DECODED.has(directory.value(TAG.compression) ?? 1)) return 0;
  return (directory.value(TAG.width) ?? 0) * (directory.value(TAG.height) ?? 0);
}

/** A TIFF that is not a camera's by its first bytes is a photograph if one of its images has a sensor's values. */
function previewOfTiff(bytes: Uint8Array, kind: 'tiff' | 'cr2' | 'other'): Preview | null {
  const directories = directoriesOf(new TiffReader(viewOf(bytes)));
  const isPhotograph = (one: TiffDirectory) => one.entries.has(TAG.dngVersion) || isSensor(one);
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

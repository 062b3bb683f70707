/**
 * ISO base media boxes of AVIF and HEIC, as far as viewers differ in them: the crop of the primary item, and the track of a file
 * without items. Pure; no bytes are decoded.
 *
 * Source  ISO/IEC 14496-12 (boxes, tracks), ISO/IEC 23008-12 (items, `clap`), AV1 Image File Format 1.1.
 */

/** Boxes read of one file: a photograph of 48 megapixels has 60 tiles with some boxes each. */
const BOXES_MAX = 20_000;
/** Box in box: `moov` to a sample entry's configuration is seven deep. */
const DEPTH_MAX = 12;
/** Frames of a track that are counted: at 60 a second 18 minutes. */
const SAMPLES_MAX = 65_536;

interface Box {
  readonly type: string;
  /** Of its content, behind the head. */
  readonly start: number;
  readonly end: number;
}

class Boxes {
  readonly view: DataView;
  #left = BOXES_MAX;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Yield the boxes in a range, as far as they make sense. */
  *in(start: number, end: number): Generator<Box> {
    for (let at = start; at + 8 <= end && this.#left-- > 0; ) {
      const type = String.fromCharCode(...this.bytes.subarray(at + 4, at + 8));
      let size = this.view.getUint32(at);
      let head = 8;
      if (size === 1 && at + 16 <= end) {
        size = Number(this.view.getBigUint64(at + 8));
        head = 16;
      } else if (size === 0) size = end - at;
      if (size < head || at + size > end) return;
      yield { type, start: at + head, end: at + size };
      at += size;
    }
  }

  /** Return the first box of a path, with its version and flags passed where a name ends in `*`; null if there is none. */
  find(path: readonly string[], within: Pick<Box, 'start' | 'end'> = { start: 0, end: this.bytes.length }): Box | null {
    let place: Pick<Box, 'start' | 'end'> = within;
    let found: Box | null = null;
    for (const name of path.slice(0, DEPTH_MAX)) {
      const type = name.slice(0, 4);
      found = null;
      for (const box of this.in(place.start, place.end)) {
        if (box.type !== type) continue;
        found = name.endsWith('*') ? { ...box, start: Math.min(box.start + 4, box.end) } : box;
        break;
      }
      if (found === null) return null;
      place = found;
    }
    return found;
  }
}

/** Run a reader: numbers that lead out of the file are no file's. */
function orNull<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

interface Association {
  /** Position of the property, from 1. */
  readonly index: number;
  readonly at: number;
  readonly bytes: 1 | 2;
}

/** Properties of an item, and where in the file they are named. */
function associationsOf(boxes: Boxes, item: number): Association[] {
  const ipma = boxes.find(['meta*', 'iprp', 'ipma']);
  if (ipma === null) return [];
  const { view } = boxes;
  const [version, isWide] = [view.getUint8(ipma.start), (view.getUint8(ipma.start + 3) & 1) === 1];
  const bytes = isWide ? 2 : 1;
  const found: Association[] = [];
  let at = ipma.start + 8;
  for (let left = view.getUint32(ipma.start + 4); left > 0 && at < ipma.end; left--) {
    const id = version === 0 ? view.getUint16(at) : view.getUint32(at);
    at += version === 0 ? 2 : 4;
    const count = view.getUint8(at++);
    for (let n = 0; n < count; n++, at += bytes) {
      const index = isWide ? view.getUint16(at) & 0x7fff : view.getUint8(at) & 0x7f;
      if (id === item) found.push({ index, at, bytes });
    }
  }
  return found;
}

function primaryItem(boxes: Boxes): number | null {
  const pitm = boxes.find(['meta*', 'pitm']);
  if (pitm === null) return null;
  return boxes.view.getUint8(pitm.start) === 0
    ? boxes.view.getUint16(pitm.start + 4)
    : boxes.view.getUint32(pitm.start + 4);
}

/**
 * Return a copy of the file in which the primary item has no crop (`clap`), so that all its pixels are decoded; null if it has
 * none. The association is set to 0, which names no property.
 */
export function withoutCrop(bytes: Uint8Array): Uint8Array | null {
  return orNull(() => {
    const boxes = new Boxes(bytes);
    const item = primaryItem(boxes);
    const ipco = boxes.find(['meta*', 'iprp', 'ipco']);
    if (item === null || ipco === null) return null;
    const properties = [...boxes.in(ipco.start, ipco.end)];
    const crops = associationsOf(boxes, item).filter(({ index }) => properties[index - 1]?.type === 'clap');
    if (crops.length === 0) return null;
    const copy = bytes.slice();
    for (const { at, bytes: width } of crops) copy.fill(0, at, at + width);
    return copy;
  });
}

/** Return whether the file has a primary item: without one, its images are those of a track. */
export const hasPrimaryItem = (bytes: Uint8Array): boolean => orNull(() => primaryItem(new Boxes(bytes))) !== null;

/**
 * `chain`: images from the last key on that are decoded with one, as one item. libaom decodes all of an item and shows the last;
 * libde265 shows the first, so of HEVC only keys can be decoded.
 */
const CODECS = {
  av01: { config: 'av1C', brand: 'avif', chain: 256 },
  hvc1: { config: 'hvcC', brand: 'heic', chain: 1 },
} as const;
type Codec = keyof typeof CODECS;

const codecOf = (type: string): Codec | null =>
  type === 'av01' ? 'av01' : type === 'hvc1' || type === 'hev1' ? 'hvc1' : null;

/** Of a sample entry: what is before its boxes. Source: ISO/IEC 14496-12, 12.1.3. */
const SAMPLE_ENTRY_BYTES = 78;

interface Sample {
  readonly start: number;
  readonly end: number;
}

/** A track of images; a key needs no other image to be decoded. */
interface Track {
  readonly codec: Codec;
  readonly width: number;
  readonly height: number;
  /** Configuration of the decoder and colours, as boxes. */
  readonly properties: readonly Uint8Array[];
  readonly samples: readonly Sample[];
  readonly isKey: (frame: number) => boolean;
}

/** Return the first image track; null if there is none that can be decoded. */
export function pictureTrack(bytes: Uint8Array): Track | null {
  return orNull(() => {
    const boxes = new Boxes(bytes);
    const moov = boxes.find(['moov']);
    if (moov === null) return null;
    for (const trak of boxes.in(moov.start, moov.end)) {
      if (trak.type !== 'trak') continue;
      const track = orNull(() => readTrack(boxes, trak));
      if (track) return track;
    }
    return null;
  });
}

function readTrack(boxes: Boxes, trak: Box): Track | null {
  const { view, bytes } = boxes;
  const hdlr = boxes.find(['mdia', 'hdlr*'], trak);
  const stbl = boxes.find(['mdia', 'minf', 'stbl'], trak);
  if (hdlr === null || stbl === null) return null;
  if (!['pict', 'vide'].includes(String.fromCharCode(...bytes.subarray(hdlr.start + 4, hdlr.start + 8)))) return null;
  const stsd = boxes.find(['stsd*'], stbl);
  const entry = stsd && boxes.in(stsd.start + 4, stsd.end).next().value;
  if (!entry) return null;
  const codec = codecOf(entry.type);
  if (codec === null) return null;
  const inside = [...boxes.in(entry.start + SAMPLE_ENTRY_BYTES, entry.end)];
  const properties = inside.filter(({ type }) => type === CODECS[codec].config || type === 'colr');
  if (!properties.some(({ type }) => type === CODECS[codec].config)) return null;
  const stss = boxes.find(['stss*'], stbl);
  const keys = stss && new Set(numbers(view, stss.start + 4, view.getUint32(stss.start), stss.end).map((n) => n - 1));
  return {
    codec,
    width: view.getUint16(entry.start + 24),
    height: view.getUint16(entry.start + 26),
    properties: properties.map(({ start, end }) => bytes.subarray(start - 8, end)),
    samples: samplesOf(boxes, stbl),
    isKey: (frame) => keys === null || keys.has(frame),
  };
}

/** Return `count` numbers of 32 bits, as many as there are. */
function numbers(view: DataView, start: number, count: number, end: number): number[] {
  const length = Math.min(count, SAMPLES_MAX, Math.floor((end - start) / 4));
  return Array.from({ length }, (_, n) => view.getUint32(start + 4 * n));
}

/** Return where each image lies. Source: ISO/IEC 14496-12, 8.7. */
function samplesOf(boxes: Boxes, stbl: Box): Sample[] {
  const { view, bytes } = boxes;
  const [stsz, stsc, stco] = ['stsz*', 'stsc*', 'stco*'].map((name) => boxes.find([name], stbl));
  const co64 = boxes.find(['co64*'], stbl);
  const offsets = stco ?? co64;
  if (!stsz || !stsc || !offsets) return [];
  const [fixed, count] = [view.getUint32(stsz.start), Math.min(view.getUint32(stsz.start + 4), SAMPLES_MAX)];
  const sizes = fixed > 0 ? null : numbers(view, stsz.start + 8, count, stsz.end);
  const runs = numbers(view, stsc.start + 4, view.getUint32(stsc.start) * 3, stsc.end);
  const chunks = Math.min(view.getUint32(offsets.start), SAMPLES_MAX);
  const samples: Sample[] = [];
  let run = 0;
  for (let chunk = 0; chunk < chunks && samples.length < count; chunk++) {
    while (run + 3 < runs.length && runs[run + 3]! <= chunk + 1) run += 3;
    const at = offsets.start + 4 + chunk * (stco ? 4 : 8);
    let start = stco ? view.getUint32(at) : Number(view.getBigUint64(at));
    for (let n = 0; n < (runs[run + 1] ?? 0) && samples.length < count; n++) {
      const end = start + (fixed > 0 ? fixed : (sizes![samples.length] ?? 0));
      if (end <= start || end > bytes.length) return samples;
      samples.push({ start, end });
      start = end;
    }
  }
  return samples;
}

const box = (type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
};
const u32 = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const FULL = [0, 0, 0, 0];

/** Return the frames that can be decoded, each with the images that it needs. */
export function decodableFrames({
  codec,
  samples,
  isKey,
}: Track): { readonly frame: number; readonly first: number }[] {
  const frames: { frame: number; first: number }[] = [];
  let key = -1;
  for (let frame = 0; frame < samples.length; frame++) {
    if (isKey(frame)) key = frame;
    if (key >= 0 && frame - key < CODECS[codec].chain) frames.push({ frame, first: key });
  }
  return frames;
}

/** Return a frame of a track as a file of one item. */
export function stillOf(
  bytes: Uint8Array,
  { codec, width, height, properties, samples }: Track,
  { frame, first }: { readonly frame: number; readonly first: number },
): Uint8Array {
  const sample = Buffer.concat(samples.slice(first, frame + 1).map(({ start, end }) => bytes.subarray(start, end)));
  const ftyp = box('ftyp', Buffer.from(`${CODECS[codec].brand}\0\0\0\0mif1${CODECS[codec].brand}`, 'latin1'));
  const meta = (offset: number) =>
    box(
      'meta',
      FULL,
      box('hdlr', FULL, FULL, Buffer.from('pict'), new Uint8Array(13)),
      box('pitm', FULL, [0, 1]),
      box('iloc', FULL, [0x44, 0, 0, 1], [0, 1, 0, 0, 0, 1], u32(offset), u32(sample.length)),
      box('iinf', FULL, [0, 1], box('infe', [2, 0, 0, 0], [0, 1, 0, 0], Buffer.from(codec), [0])),
      box(
        'iprp',
        box('ipco', box('ispe', FULL, u32(width), u32(height)), ...properties),
        // Of the properties, only the decoder's configuration is essential; each is named by its place.
        box(
          'ipma',
          FULL,
          u32(1),
          [0, 1, 1 + properties.length, 1],
          properties.map((_, n) => n + 2),
        ),
      ),
    );
  const offset = ftyp.length + meta(0).length + 8;
  return Buffer.concat([ftyp, meta(offset), box('mdat', sample)]);
}

/**
 * The track of an AVIF or HEIC sequence, and its frames as files of one item. Pure; no bytes are decoded.
 *
 * Source  ISO/IEC 14496-12 (tracks), ISO/IEC 23008-12, AV1 Image File Format 1.1.
 */
import { type Box, Boxes, box, FULL, orNull, u32 } from './iso-boxes.js';

/** Frames of a track that are counted: at 60 a second 18 minutes. */
const SAMPLES_MAX = 65_536;

/**
 * `chain`: images from the last key on that are decoded with one, as one item. libaom decodes all of an item and shows the last;
 * libde265 shows the first, and fails on others as frames of a track (libheif-js 1.23.2), so of HEVC only keys can be decoded.
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

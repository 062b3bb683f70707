/**
 * Items of an AVIF or HEIC: which of them are images that people see, and the part of each that its crop shows. Pure; no bytes are decoded.
 *
 * Source  ISO/IEC 23008-12, 6 and 9 (items, `irot`, `imir`), ISO/IEC 14496-12, 8.11 and 12.1.4 (`clap`). What the standards leave open is as in libheif 1.23.
 */
import type { Rectangle } from './gif.js';
import { type Box, Boxes, orNull } from './iso-boxes.js';

/** Properties of all items: a photograph of 48 megapixels has 60 tiles with some each. */
const ASSOCIATIONS_MAX = 65_536;
/** Items that are coded images, and those that are put together of others. Masks, metadata and gain maps are not shown. */
const IMAGE_TYPES: ReadonlySet<string> = new Set([
  ...['hvc1', 'av01', 'avc1', 'vvc1', 'jpeg', 'j2k1', 'unci'],
  ...['grid', 'iovl', 'iden'],
]);

interface Association {
  /** Position of the property, from 1. */
  readonly index: number;
  readonly at: number;
  readonly bytes: 1 | 2;
}

/** Return the properties of each item, and where in the file they are named. */
function associationsOf(boxes: Boxes): Map<number, Association[]> {
  const { view } = boxes;
  const found = new Map<number, Association[]>();
  const iprp = boxes.find(['meta*', 'iprp']);
  let room = ASSOCIATIONS_MAX;
  for (const ipma of iprp ? boxes.in(iprp.start, iprp.end) : []) {
    if (ipma.type !== 'ipma') continue;
    const [isShort, bytes] = [view.getUint8(ipma.start) === 0, view.getUint8(ipma.start + 3) & 1 ? 2 : 1] as const;
    let at = ipma.start + 8;
    for (let left = view.getUint32(ipma.start + 4); left > 0 && at < ipma.end && room > 0; left--) {
      const item = isShort ? view.getUint16(at) : view.getUint32(at);
      at += isShort ? 2 : 4;
      const count = view.getUint8(at++);
      const list = found.get(item) ?? [];
      for (let n = 0; n < count; n++, at += bytes)
        list.push({ index: bytes === 2 ? view.getUint16(at) & 0x7fff : view.getUint8(at) & 0x7f, at, bytes });
      found.set(item, list);
      room -= 1 + count;
    }
  }
  return found;
}

/** Return the place of the primary item's number, and how many bytes it has. */
function primaryPlace(boxes: Boxes): { readonly at: number; readonly bytes: 2 | 4 } | null {
  const pitm = boxes.find(['meta*', 'pitm']);
  return pitm && { at: pitm.start + 4, bytes: boxes.view.getUint8(pitm.start) === 0 ? 2 : 4 };
}

function primaryItem(boxes: Boxes): number | null {
  const place = primaryPlace(boxes);
  if (place === null) return null;
  return place.bytes === 2 ? boxes.view.getUint16(place.at) : boxes.view.getUint32(place.at);
}

/** Return whether the file has a primary item: without one, its images are those of a track. */
export const hasPrimaryItem = (bytes: Uint8Array): boolean => orNull(() => primaryItem(new Boxes(bytes))) !== null;

interface Reference {
  readonly type: string;
  readonly from: number;
  readonly to: readonly number[];
}

function referencesOf(boxes: Boxes): Reference[] {
  const { view } = boxes;
  const iref = boxes.find(['meta*', 'iref']);
  if (iref === null) return [];
  const isShort = view.getUint8(iref.start) === 0;
  const bytes = isShort ? 2 : 4;
  const idAt = (at: number) => (isShort ? view.getUint16(at) : view.getUint32(at));
  return [...boxes.in(iref.start + 4, iref.end)].map(({ type, start, end }) => {
    const count = Math.min(view.getUint16(start + bytes), Math.floor((end - start - bytes - 2) / bytes));
    return {
      type,
      from: idAt(start),
      to: Array.from({ length: Math.max(count, 0) }, (_, n) => idAt(start + bytes + 2 + n * bytes)),
    };
  });
}

/** Return the images that are not hidden. Source: ISO/IEC 14496-12, 8.11.6. */
function imagesOf(boxes: Boxes): number[] {
  const { view, bytes } = boxes;
  const iinf = boxes.find(['meta*', 'iinf']);
  if (iinf === null) return [];
  const found: number[] = [];
  for (const { type, start } of boxes.in(iinf.start + (view.getUint8(iinf.start) === 0 ? 6 : 8), iinf.end)) {
    const version = view.getUint8(start);
    if (type !== 'infe' || version < 2 || (view.getUint8(start + 3) & 1) === 1) continue;
    const behind = start + (version === 2 ? 6 : 8) + 2;
    if (IMAGE_TYPES.has(String.fromCharCode(...bytes.subarray(behind, behind + 4))))
      found.push(version === 2 ? view.getUint16(start + 4) : view.getUint32(start + 4));
  }
  // As libheif numbers them.
  return found.sort((one, other) => one - other);
}

/** Round to the nearest, halves up. Exact: numbers of 32 bits are multiplied. */
const rounded = (numerator: bigint, denominator: bigint) => Number((numerator + denominator / 2n) / denominator);

/**
 * Return the part of an image of this size that a crop shows; null if it makes no sense, or shows nothing. Rounding and what is outside of the
 * image are as in libheif: left down, top and size to the nearest, and the rest cut off.
 */
function cropOf(view: DataView, { start }: Box, width: number, height: number): Rectangle | null {
  const unsigned = [0, 4, 8, 12, 20, 28].map((at) => view.getUint32(start + at));
  const [wn, wd, hn, hd, xd, yd] = unsigned.map(BigInt) as [bigint, bigint, bigint, bigint, bigint, bigint];
  if (unsigned.some((value) => value > 0x7fffffff) || wd * hd * xd * yd === 0n) return null;
  const [xn, yn] = [BigInt(view.getInt32(start + 16)), BigInt(view.getInt32(start + 24))];
  // The centre of the crop is off the centre of the image: both are between pixels where a size is even.
  const left = Number((2n * xn * wd + BigInt(width - 1) * xd * wd - (wn - wd) * xd) / (2n * xd * wd));
  const top = rounded(2n * yn * hd + BigInt(height - 1) * yd * hd - (hn - hd) * yd, 2n * yd * hd);
  const [right, bottom] = [Math.min(left + rounded(wn, wd), width), Math.min(top + rounded(hn, hd), height)];
  const shown = { left: Math.max(left, 0), top: Math.max(top, 0) };
  if (right <= shown.left || bottom <= shown.top) return null;
  return { ...shown, width: right - shown.left, height: bottom - shown.top };
}

/** A part of an image, with the size of the image. */
interface Frame extends Rectangle {
  readonly imageWidth: number;
  readonly imageHeight: number;
}

/** Turn image and part by 90 degrees anticlockwise. */
const turned = ({ left, top, width, height, imageWidth, imageHeight }: Frame): Frame => ({
  left: top,
  top: imageWidth - left - width,
  ...{ width: height, height: width, imageWidth: imageHeight, imageHeight: imageWidth },
});

/** `axis`: 0 mirrors top to bottom, 1 left to right. */
const mirrored = (frame: Frame, axis: number): Frame =>
  axis === 1
    ? { ...frame, left: frame.imageWidth - frame.left - frame.width }
    : { ...frame, top: frame.imageHeight - frame.top - frame.height };

/**
 * Follow the part of an image that its crops leave through its rotations and reflections, in their order: a later crop is of what the ones before it
 * leave. Returns the part of the image as it is decoded without crops; null if it has no crop, or one that makes no sense.
 */
function partOf(view: DataView, properties: readonly Box[]): Rectangle | null {
  const ispe = properties.find(({ type }) => type === 'ispe');
  if (ispe === undefined) return null;
  const [imageWidth, imageHeight] = [view.getUint32(ispe.start + 4), view.getUint32(ispe.start + 8)];
  let frame: Frame = { left: 0, top: 0, width: imageWidth, height: imageHeight, imageWidth, imageHeight };
  let isCropped = false;
  for (const property of properties) {
    if (property.type === 'irot')
      for (let turns = view.getUint8(property.start) & 3; turns > 0; turns--) frame = turned(frame);
    if (property.type === 'imir') frame = mirrored(frame, view.getUint8(property.start) & 1);
    if (property.type !== 'clap') continue;
    const crop = cropOf(view, property, frame.width, frame.height);
    if (crop === null) return null;
    frame = { ...frame, ...crop, left: frame.left + crop.left, top: frame.top + crop.top };
    isCropped = true;
  }
  const { left, top, width, height } = frame;
  return isCropped && width * height < imageWidth * imageHeight ? { left, top, width, height } : null;
}

export interface ImageItem {
  /** The part of the whole that its crops leave; null: it is shown as a whole. */
  readonly part: Rectangle | null;
  /** Return the file with this image as its primary one, without its crops. The next call for any image of the file changes it. */
  file(): Uint8Array;
}

/** Items of a file, and what is said of each. */
class Items {
  readonly boxes: Boxes;
  readonly primary: number | null;
  readonly references: readonly Reference[];
  readonly #properties: readonly Box[];
  readonly #associations: ReadonlyMap<number, readonly Association[]>;
  readonly #place: ReturnType<typeof primaryPlace>;
  /** The file, to be changed, and what is changed in it for one image. */
  #copy: Buffer | null = null;
  #taken: readonly Association[] = [];

  constructor(readonly bytes: Uint8Array) {
    this.boxes = new Boxes(bytes);
    this.primary = primaryItem(this.boxes);
    this.references = referencesOf(this.boxes);
    const ipco = this.boxes.find(['meta*', 'iprp', 'ipco']);
    this.#properties = ipco ? [...this.boxes.in(ipco.start, ipco.end)] : [];
    this.#associations = associationsOf(this.boxes);
    this.#place = primaryPlace(this.boxes);
  }

  /** Items that can be named as the primary one. */
  get most(): number {
    return this.#place === null ? 0 : 2 ** (8 * this.#place.bytes);
  }

  propertiesOf(item: number): Box[] {
    const named = this.#associations.get(item) ?? [];
    return named.flatMap(({ index }) => this.#properties[index - 1] ?? []);
  }

  /**
   * Return the file with this image as its primary one, without the crops of it and of what belongs to it, as its alpha. Those of other images stay:
   * this one may be put together of them. Where a crop is named there is 0 then, which names no property.
   */
  fileOf(item: number): Uint8Array {
    const auxiliary = this.references.filter(({ type, to }) => type === 'auxl' && to.includes(item));
    const crops = [item, ...auxiliary.map(({ from }) => from)]
      .flatMap((one) => this.#associations.get(one) ?? [])
      .filter(({ index }) => this.#properties[index - 1]?.type === 'clap');
    if (item === this.primary && crops.length === 0) return this.bytes;
    const { at, bytes } = this.#place!;
    if (this.#copy === null) this.#copy = Buffer.from(this.bytes);
    for (const { at: from, bytes: width } of this.#taken) this.#copy.set(this.bytes.subarray(from, from + width), from);
    for (const { at: from, bytes: width } of crops) this.#copy.fill(0, from, from + width);
    this.#taken = crops;
    this.#copy.writeUIntBE(item, at, bytes);
    return this.#copy;
  }
}

/**
 * Return the images that people see, the primary one first; none if the file has no primary one. Others are those that are not hidden, and no thumbnail
 * or auxiliary image.
 */
export function imageItems(bytes: Uint8Array): ImageItem[] {
  const read = (): ImageItem[] => {
    const items = new Items(bytes);
    const { boxes, primary, references, most } = items;
    if (primary === null) return [];
    const besides = new Set(references.flatMap(({ type, from }) => (type === 'thmb' || type === 'auxl' ? from : [])));
    const others = imagesOf(boxes).filter((item) => item !== primary && !besides.has(item) && item < most);
    return [primary, ...others].map((item) => ({
      part: partOf(boxes.view, items.propertiesOf(item)),
      file: () => items.fileOf(item),
    }));
  };
  return orNull(read) ?? [];
}

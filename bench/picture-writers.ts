/** Writers of odd image files: containers around pixels that sharp encoded, from their specifications alone. They share no code with the readers. */
import { crc32 } from 'node:zlib';

const be16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const be32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

// PNG

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([be32(data.length), body, be32(crc32(body))]);
}

export interface PngParts {
  readonly head: Buffer;
  readonly others: Buffer;
  readonly pixels: Buffer;
}

/** Take a PNG apart: its IHDR data, its palette chunks, and its compressed pixels. */
export function pngParts(png: Buffer): PngParts {
  const others: Buffer[] = [];
  const pixels: Buffer[] = [];
  let head: Buffer = Buffer.alloc(0);
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (type === 'IHDR') head = data;
    if (type === 'IDAT') pixels.push(data);
    if (type === 'PLTE' || type === 'tRNS') others.push(png.subarray(at, at + 12 + data.length));
  }
  return { head, others: Buffer.concat(others), pixels: Buffer.concat(pixels) };
}

export interface ApngFrame {
  readonly png: Buffer;
  readonly x?: number;
  readonly y?: number;
  /** 0 none, 1 background, 2 previous. */
  readonly dispose?: number;
  /** 0 source, 1 over. */
  readonly blend?: number;
}

/** Write an animated PNG. `hidden`: a default image that is no frame; otherwise the first frame is the default image. */
export function apng(frames: readonly ApngFrame[], hidden: Buffer | null = null): Buffer {
  const base = pngParts(hidden ?? frames[0]!.png);
  let sequence = 0;
  const parts: Buffer[] = [];
  const control = ({ png, x = 0, y = 0, dispose = 0, blend = 0 }: ApngFrame) => {
    const { head } = pngParts(png);
    const data = [
      be32(sequence++),
      head.subarray(0, 8),
      be32(x),
      be32(y),
      be16(1),
      be16(10),
      Buffer.from([dispose, blend]),
    ];
    return pngChunk('fcTL', Buffer.concat(data));
  };
  if (hidden) parts.push(pngChunk('IDAT', base.pixels));
  frames.forEach((frame, at) => {
    parts.push(control(frame));
    const { pixels } = pngParts(frame.png);
    const isDefault = at === 0 && hidden === null;
    // In two pieces, as writers do with large frames.
    for (const piece of [pixels.subarray(0, 100), pixels.subarray(100)])
      parts.push(isDefault ? pngChunk('IDAT', piece) : pngChunk('fdAT', Buffer.concat([be32(sequence++), piece])));
  });
  const animation = pngChunk('acTL', Buffer.concat([be32(frames.length), be32(0)]));
  const start = [Buffer.from('89504e470d0a1a0a', 'hex'), pngChunk('IHDR', base.head), base.others, animation];
  return Buffer.concat([...start, ...parts, pngChunk('IEND', Buffer.alloc(0))]);
}

// ISO base media

export function isoBox(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([be32(8 + body.length), Buffer.from(type, 'latin1'), body]);
}
const full = (version = 0, flags = 0) => be32((version << 24) | flags);

export interface CodedPicture {
  readonly width: number;
  readonly height: number;
  readonly codec: 'av01' | 'hvc1' | 'grid' | 'iden';
  /** The box `av1C` or `hvcC`; none of an image that is put together of others. */
  readonly config: Buffer | null;
  readonly data: Buffer;
}

/** Take the picture out of an AVIF or HEIC of one item, as sharp and heif-enc write it. */
export function codedPicture(avif: Buffer): CodedPicture {
  const codec = avif.includes('hvcC') ? 'hvc1' : 'av01';
  const at = avif.indexOf(codec === 'hvc1' ? 'hvcC' : 'av1C') - 4;
  const ispe = avif.indexOf('ispe') + 8;
  const mdat = avif.indexOf('mdat') - 4;
  return {
    width: avif.readUInt32BE(ispe),
    height: avif.readUInt32BE(ispe + 4),
    codec,
    config: avif.subarray(at, at + avif.readUInt32BE(at)),
    data: avif.subarray(mdat + 8, mdat + avif.readUInt32BE(mdat)),
  };
}

/** A fraction, or a whole number. */
type Part = number | readonly [number, number];

export interface Crop {
  readonly width: Part;
  readonly height: Part;
  /** Of the crop's centre from the image's. */
  readonly x: Part;
  readonly y: Part;
}

export const clap = ({ width, height, x, y }: Crop) =>
  isoBox('clap', ...[width, height, x, y].flatMap((part) => (typeof part === 'number' ? [part, 1] : part)).map(be32));
/** `turns`: by 90 degrees anticlockwise. */
export const irot = (turns: number) => isoBox('irot', Buffer.from([turns]));
/** `axis`: 0 exchanges top and bottom, 1 left and right. */
export const imir = (axis: number) => isoBox('imir', Buffer.from([axis]));
/** Property of an auxiliary image that is an alpha. */
export const alphaType = () =>
  isoBox('auxC', full(), Buffer.from('urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0', 'latin1'));

/** A grid of images beside each other, of this size; the tiles are items of their own, by a reference `dimg`. */
export const gridPicture = (columns: number, width: number, height: number): CodedPicture => ({
  ...{ width, height, codec: 'grid', config: null },
  data: Buffer.concat([Buffer.from([0, 0, 0, columns - 1]), be16(width), be16(height)]),
});

export interface ItemsOptions {
  /** Position of the image that viewers show. */
  readonly primary?: number;
  /** Of the primary one. */
  readonly crop?: Crop | null;
  readonly brand?: string;
  readonly firstId?: number;
  readonly isWide?: boolean;
  /** Further properties of each image, in the order in which they are associated. */
  readonly more?: (at: number) => readonly Buffer[];
  readonly hidden?: readonly number[];
  /** References: type, from which image, to which. */
  readonly references?: readonly (readonly [string, number, readonly number[]])[];
}

/** Write an AVIF or HEIC of several items. */
export function avifItems(pictures: readonly CodedPicture[], options: ItemsOptions = {}): Buffer {
  const { primary = 0, crop = null, brand = 'avif', firstId = 1, isWide = false } = options;
  const { more = () => [], hidden = [], references = [] } = options;
  const isHevc = pictures.some(({ codec }) => codec === 'hvc1');
  const ftyp = isoBox('ftyp', Buffer.from(`${brand}\0\0\0\0${isHevc ? 'heic' : 'avif'}mif1miaf`, 'latin1'));
  const properties: Buffer[] = [];
  const association = (property: Buffer, isEssential: boolean) => {
    const index = properties.push(property);
    return isWide ? be16((isEssential ? 0x8000 : 0) | index) : Buffer.from([(isEssential ? 0x80 : 0) | index]);
  };
  const named = pictures.map(({ width, height, config }, at) => {
    const essential = [...(config ? [config] : []), ...(crop && at === primary ? [clap(crop)] : []), ...more(at)];
    const list = [
      association(isoBox('ispe', full(), be32(width), be32(height)), false),
      ...essential.map((property) => association(property, true)),
    ];
    return Buffer.concat([be16(firstId + at), Buffer.from([list.length]), ...list]);
  });
  const id = (at: number) => be16(firstId + at);
  const iref = references.map(([type, from, to]) => isoBox(type, id(from), be16(to.length), ...to.map(id)));
  const meta = (start: number) => {
    let offset = start;
    const places = pictures.map(({ data }, at) => {
      const place = Buffer.concat([be16(firstId + at), be16(0), be16(1), be32(offset), be32(data.length)]);
      offset += data.length;
      return place;
    });
    return isoBox(
      'meta',
      full(),
      isoBox('hdlr', full(), be32(0), Buffer.from('pict'), Buffer.alloc(13)),
      isoBox('pitm', full(), be16(firstId + primary)),
      isoBox('iloc', full(), Buffer.from([0x44, 0]), be16(pictures.length), ...places),
      isoBox(
        'iinf',
        full(),
        be16(pictures.length),
        ...pictures.map((_, at) =>
          isoBox(
            'infe',
            full(2, hidden.includes(at) ? 1 : 0),
            be16(firstId + at),
            be16(0),
            Buffer.from(`${pictures[at]!.codec}\0`, 'latin1'),
          ),
        ),
      ),
      ...(iref.length > 0 ? [isoBox('iref', full(), ...iref)] : []),
      isoBox(
        'iprp',
        isoBox('ipco', ...properties),
        isoBox('ipma', full(0, isWide ? 1 : 0), be32(pictures.length), ...named),
      ),
    );
  };
  const start = ftyp.length + meta(0).length + 8;
  return Buffer.concat([ftyp, meta(start), isoBox('mdat', ...pictures.map(({ data }) => data))]);
}

/** Write an AVIF sequence: a track alone, or behind `still`, a file of items. `keys`: frames that need no other; by default all. */
export function avifSequence(
  frames: readonly CodedPicture[],
  { keys = null as readonly number[] | null } = {},
): Buffer {
  const [{ width, height, codec, config }] = frames as [CodedPicture];
  const brand = codec === 'hvc1' ? 'hevc' : 'avis';
  const ftyp = isoBox('ftyp', Buffer.from(`${brand}\0\0\0\0${brand}msf1miaf`, 'latin1'));
  const entry = Buffer.alloc(78);
  entry.writeUInt16BE(1, 6);
  entry.writeUInt16BE(width, 24);
  entry.writeUInt16BE(height, 26);
  const moov = (start: number) => {
    let offset = start;
    const offsets = frames.map(({ data }) => {
      offset += data.length;
      return be32(offset - data.length);
    });
    const tables = [
      isoBox('stsd', full(), be32(1), isoBox(codec, entry, config!)),
      isoBox('stts', full(), be32(1), be32(frames.length), be32(100)),
      // One chunk a frame.
      isoBox('stsc', full(), be32(1), be32(1), be32(1), be32(1)),
      isoBox('stsz', full(), be32(0), be32(frames.length), ...frames.map(({ data }) => be32(data.length))),
      isoBox('stco', full(), be32(frames.length), ...offsets),
      ...(keys ? [isoBox('stss', full(), be32(keys.length), ...keys.map((key) => be32(key + 1)))] : []),
    ];
    const media = isoBox(
      'mdia',
      isoBox('hdlr', full(), be32(0), Buffer.from('pict'), Buffer.alloc(13)),
      isoBox('minf', isoBox('stbl', ...tables)),
    );
    return isoBox(
      'moov',
      isoBox('mvhd', full(), Buffer.alloc(96)),
      isoBox('trak', isoBox('tkhd', full(), Buffer.alloc(80)), media),
    );
  };
  const start = ftyp.length + moov(0).length + 8;
  return Buffer.concat([ftyp, moov(start), isoBox('mdat', ...frames.map(({ data }) => data))]);
}

// TIFF

export interface TiffOptions {
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  readonly bits: 8 | 16;
  /** 2 RGB, 5 separated. */
  readonly photometric: number;
  readonly isPlanar?: boolean;
  readonly extra?: readonly number[];
  /** Further entries: tag, type, count, value. */
  readonly more?: readonly (readonly [number, number, number, number])[];
}

/** Write an uncompressed TIFF of one strip, or one a plane. `values`: samples of all pixels, pixel by pixel, 0 to 255. */
export function tiff(values: Uint8Array, options: TiffOptions): Buffer {
  const { width, height, samples, bits, photometric, isPlanar = false, extra = [], more = [] } = options;
  const bytes = bits / 8;
  const pixels = Buffer.alloc(values.length * bytes);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let s = 0; s < samples; s++) {
      const to = isPlanar ? s * width * height + pixel : pixel * samples + s;
      const value = values[pixel * samples + s]!;
      if (bits === 8) pixels[to] = value;
      else pixels.writeUInt16LE(value * 257, to * 2);
    }
  }
  const strips = isPlanar ? samples : 1;
  const long = (list: readonly number[]) =>
    Buffer.concat(
      list.map((value) => {
        const b = Buffer.alloc(4);
        b.writeUInt32LE(value);
        return b;
      }),
    );
  const short = (list: readonly number[]) =>
    Buffer.concat(
      list.map((value) => {
        const b = Buffer.alloc(2);
        b.writeUInt16LE(value);
        return b;
      }),
    );
  const dataAt = 8;
  const size = pixels.length / strips;
  const entries: [number, number, number, Buffer][] = [
    [256, 4, 1, long([width])],
    [257, 4, 1, long([height])],
    [258, 3, samples, short(Array<number>(samples).fill(bits))],
    [259, 3, 1, short([1])],
    [262, 3, 1, short([photometric])],
    [273, 4, strips, long(Array.from({ length: strips }, (_, n) => dataAt + n * size))],
    [277, 3, 1, short([samples])],
    [278, 4, 1, long([height])],
    [279, 4, strips, long(Array<number>(strips).fill(size))],
    [284, 3, 1, short([isPlanar ? 2 : 1])],
    ...(extra.length > 0 ? [[338, 3, extra.length, short(extra)] as [number, number, number, Buffer]] : []),
    ...more.map(([tag, type, count, value]): [number, number, number, Buffer] => [tag, type, count, long([value])]),
  ];
  entries.sort(([a], [b]) => a - b);
  let apartAt = dataAt + pixels.length + 2 + entries.length * 12 + 4;
  const apart: Buffer[] = [];
  const rows = entries.map(([tag, type, count, value]) => {
    const row = Buffer.alloc(12);
    row.writeUInt16LE(tag, 0);
    row.writeUInt16LE(type, 2);
    row.writeUInt32LE(count, 4);
    if (value.length <= 4) value.copy(row, 8);
    else {
      row.writeUInt32LE(apartAt, 8);
      apart.push(value);
      apartAt += value.length;
    }
    return row;
  });
  const head = Buffer.from('49492a0000000000', 'hex');
  head.writeUInt32LE(dataAt + pixels.length, 4);
  return Buffer.concat([head, pixels, short([entries.length]), ...rows, long([0]), ...apart]);
}

// JPEG

/** Write a JPEG of several images with the index of CIPA DC-007. */
export function multiPicture(pictures: readonly Buffer[]): Buffer {
  const [first, ...others] = pictures as [Buffer, ...Buffer[]];
  const indexBytes = 8 + 2 + 3 * 12 + 4 + 16 * pictures.length;
  const segment = Buffer.alloc(4 + 4 + indexBytes);
  segment.writeUInt16BE(0xffe2, 0);
  segment.writeUInt16BE(segment.length - 2, 2);
  segment.write('MPF\0', 4, 'latin1');
  const tiffAt = 8;
  segment.write('MM\0*', tiffAt, 'latin1');
  segment.writeUInt32BE(8, tiffAt + 4);
  segment.writeUInt16BE(3, tiffAt + 8);
  const entry = (n: number, tag: number, type: number, count: number, value: number) => {
    const at = tiffAt + 10 + 12 * n;
    segment.writeUInt16BE(tag, at);
    segment.writeUInt16BE(type, at + 2);
    segment.writeUInt32BE(count, at + 4);
    segment.writeUInt32BE(value, at + 8);
  };
  entry(0, 0xb000, 7, 4, 0x30313030);
  entry(1, 0xb001, 4, 1, pictures.length);
  entry(2, 0xb002, 7, 16 * pictures.length, 8 + 2 + 36 + 4);
  let offset = first.length + segment.length - 2 - tiffAt;
  pictures.forEach((picture, n) => {
    const at = tiffAt + 8 + 2 + 36 + 4 + 16 * n;
    segment.writeUInt32BE(n === 0 ? 0x20030000 : 0x00020002, at);
    segment.writeUInt32BE(n === 0 ? first.length + segment.length : picture.length, at + 4);
    segment.writeUInt32BE(n === 0 ? 0 : offset, at + 8);
    if (n > 0) offset += picture.length;
  });
  return Buffer.concat([first.subarray(0, 2), segment, first.subarray(2), ...others]);
}

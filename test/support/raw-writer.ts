/** A writer of raw photographs as cameras lay them out, without a sensor's values; shares no code with the reader. */

/** Bytes are placed in the file and named by their place; directories likewise. */
type Value = number | Buffer | Directory | readonly (number | Directory)[];

export interface Directory {
  readonly [tag: number]: Value;
}

const SHORT = new Set([254, 256, 257, 258, 259, 262, 277, 278]);
const isDirectory = (value: unknown): value is Directory =>
  typeof value === 'object' && !Buffer.isBuffer(value) && !Array.isArray(value);

/** A file that grows at its end; numbers in its byte order. */
class Growing {
  bytes: Buffer;
  constructor(
    head: Buffer,
    readonly order: 'II' | 'MM',
  ) {
    this.bytes = head;
  }

  number(value: number, length: 2 | 4): Buffer {
    const text = value.toString(16).padStart(length * 2, '0');
    const big = Buffer.from(text, 'hex');
    return this.order === 'MM' ? big : big.reverse();
  }

  place(bytes: Buffer): number {
    if (this.bytes.length % 2 === 1) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(1)]);
    const at = this.bytes.length;
    this.bytes = Buffer.concat([this.bytes, bytes]);
    return at;
  }

  directory(directory: Directory, next: number, base = 0): number {
    const entries = Object.entries(directory).map(([name, value]) => {
      const tag = Number(name);
      if (Buffer.isBuffer(value) && value.length === 4) return this.entry(tag, 1, 4, value);
      if (Buffer.isBuffer(value)) {
        // Strips and JPEGs are places; other bytes are values of type 7.
        const at = this.place(value) - base;
        return tag === 273 || tag === 513 || tag === 0x101
          ? this.entry(tag, 4, 1, this.number(at, 4))
          : this.entry(tag, 7, value.length, this.number(at, 4));
      }
      const values = (Array.isArray(value) ? value : [value]).map((one) =>
        isDirectory(one) ? this.directory(one, 0, base) - base : (one as number),
      );
      if (SHORT.has(tag) && values.length === 1)
        return this.entry(tag, 3, 1, Buffer.concat([this.number(values[0]!, 2), Buffer.alloc(2)]));
      const numbers = Buffer.concat(values.map((one) => this.number(one, 4)));
      const inline = numbers.length <= 4 ? numbers : this.number(this.place(numbers) - base, 4);
      return this.entry(tag, isDirectory(value) ? 13 : 4, values.length, inline);
    });
    return this.place(Buffer.concat([this.number(entries.length, 2), ...entries, this.number(next, 4)]));
  }

  entry(tag: number, type: number, count: number, value: Buffer): Buffer {
    return Buffer.concat([this.number(tag, 2), this.number(type, 2), this.number(count, 4), value]);
  }
}

/** A TIFF, or a file with another mark, of a chain of directories. */
export function writeTiff(directories: readonly Directory[], { mark = 'II*\0', more = '' } = {}): Buffer {
  // Olympus has its first directory at 8.
  const isFixed = /^(?:IIR|MMOR)/.test(mark);
  const reserved = Buffer.alloc(isFixed ? 6 + 12 * Object.keys(directories[0]!).length : 0);
  const head = Buffer.concat([Buffer.from(mark, 'latin1'), Buffer.alloc(4), Buffer.from(more, 'latin1'), reserved]);
  const file = new Growing(head, mark.startsWith('MM') ? 'MM' : 'II');
  let next = 0;
  for (const directory of [...directories].reverse()) next = file.directory(directory, next);
  if (isFixed) file.bytes.copy(file.bytes, 8, next, next + reserved.length);
  file.number(isFixed ? 8 : next, 4).copy(file.bytes, 4);
  return file.bytes;
}

/** A strip, or a JPEG by two tags, with its length. */
export const strip = (bytes: Buffer, compression: number): Directory => ({
  259: compression,
  273: bytes,
  279: bytes.length,
});
export const jpegOf = (bytes: Buffer): Directory => ({ 513: bytes, 514: bytes.length });
/** The directory of a sensor's values, in a form that nobody decodes here. */
export const sensor = (bytes: Buffer, compression = 34_713): Directory => ({
  ...strip(bytes, compression),
  256: 6_000,
  257: 4_000,
  262: 32_803,
});
/** An uncompressed image of R G B. */
export const colours = (width: number, height: number, bytes: Buffer): Directory => ({
  ...strip(bytes, 1),
  256: width,
  257: height,
  258: 8,
  262: 2,
  277: 3,
  278: height,
});

/** A maker note of Olympus, whose places count from its start. `type`: by which the directory is named, 13 or, of older cameras, 7. */
export function olympusNote(
  preview: Buffer,
  kind: 'OLYMPUS' | 'OM SYSTEM',
  order: 'II' | 'MM' = 'II',
  type: 7 | 13 = 13,
): Buffer {
  const version = order === 'II' ? '\x03\0' : '\0\x03';
  const name = kind === 'OLYMPUS' ? `OLYMPUS\0${order}${version}` : `OM SYSTEM\0\0\0${order}${version}`;
  const head = Buffer.from(name, 'latin1');
  // The directory follows the name: its size is known, and what it names is behind it.
  const note = new Growing(Buffer.concat([head, Buffer.alloc(18)]), order);
  const settings = note.directory({ 256: 1, 257: preview, 258: preview.length }, 0);
  Buffer.concat([note.number(1, 2), note.entry(0x2020, type, type === 7 ? 42 : 1, note.number(settings, 4))]).copy(
    note.bytes,
    head.length,
  );
  return note.bytes;
}

/** FUJIFILM: the place and the length of the JPEG, most significant byte first, at 84. */
export function writeRaf(jpeg: Buffer): Buffer {
  const head = Buffer.alloc(148);
  head.write('FUJIFILMCCD-RAW 0201FF129502X-T2');
  head.writeUInt32BE(head.length, 84);
  head.writeUInt32BE(jpeg.length, 88);
  return Buffer.concat([head, jpeg, Buffer.alloc(5_000, 0x5a)]);
}

const numbers = (...values: number[]) =>
  Buffer.concat(values.map((value) => Buffer.from(value.toString(16).padStart(8, '0'), 'hex')));
export const box = (type: string, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([numbers(body.length + 8), Buffer.from(type, 'latin1'), body]);
};
const uuid = (id: string) => Buffer.from(id, 'hex');

export interface Cr3Plan {
  readonly thumbnail: Buffer;
  readonly preview: Buffer | null;
  /** In the main data, named by the first track. */
  readonly full: Buffer | null;
  /** The size of each sample at the front of its table, as ExifTool writes it. */
  readonly isOneSize?: boolean;
  /** How often the box of the preview is there. */
  readonly copies?: number;
}

/** CR3, as an EOS R6 lays it out. */
export function writeCr3({ thumbnail, preview, full, isOneSize = false, copies = 1 }: Cr3Plan): Buffer {
  const small = (type: string, jpeg: Buffer) => box(type, numbers(0, 0x00a00078, jpeg.length, 0x00010000), jpeg);
  const track = (at: number, length: number) => {
    const entry = box('CRAW', Buffer.alloc(82), box('JPEG', numbers(0)), box('free'));
    const table = [
      box('stsd', numbers(0, 1), entry),
      box('stts', numbers(0, 1, 1, 1)),
      box('stsc', numbers(0, 1, 1, 1, 1)),
      box('stsz', isOneSize ? numbers(0, length, 1) : numbers(0, 0, 1, length)),
      box('free', Buffer.alloc(4)),
      box('co64', numbers(0, 1, 0, at)),
    ];
    return box(
      'trak',
      box('tkhd', Buffer.alloc(84)),
      box('mdia', box('hdlr', Buffer.alloc(25)), box('minf', box('stbl', ...table))),
    );
  };
  const values = Buffer.alloc(4_000, 0x5a);
  const build = (main: number): Buffer => {
    const header = box(
      'uuid',
      uuid('85c0b687820f11e08111f4ce462b6a48'),
      box('CNCV', Buffer.alloc(30)),
      small('THMB', thumbnail),
    );
    const tracks = [track(main + values.length, full?.length ?? 0), track(main, values.length)];
    const front = [
      box('ftyp', Buffer.from('crx \0\0\0\x01crx isom', 'latin1')),
      box('moov', header, box('mvhd', Buffer.alloc(100)), ...tracks),
      box('uuid', uuid('be7acfcb97a942e89c71999491e3afac'), Buffer.alloc(600, 0x20)),
      ...Array.from({ length: preview ? copies : 0 }, () =>
        box('uuid', uuid('eaf42b5e1c984b88b9fbb7dc406e4d16'), numbers(0, 1), small('PRVW', preview!)),
      ),
    ];
    const before = Buffer.concat(front).length + 8;
    // The tracks name places behind themselves, whose size does not depend on them.
    if (main === 0) return build(before);
    return Buffer.concat([...front, box('mdat', values, full ?? Buffer.alloc(0))]);
  };
  return build(0);
}

/** The first bytes of files by their specifications, written by hand: not from the table of the code. */

/** Hex with spaces, then `length` bytes in all. */
const hex = (text: string, length = 600) => padded(Buffer.from(text.replaceAll(' ', ''), 'hex'), length);
const text = (latin1: string, length = 600) => padded(Buffer.from(latin1, 'latin1'), length);
const padded = (bytes: Buffer, length: number) =>
  Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length), 0x2e)]);
/** Text at a position, behind zeros. */
const at = (position: number, latin1: string) => Buffer.concat([Buffer.alloc(position), text(latin1)]);
const iso = (brand: string) => Buffer.concat([Buffer.from('00000018', 'hex'), text(`ftyp${brand}\0\0\0\0isommp42`)]);
const riff = (form: string) => text(`RIFF\x24\x10\0\0${form}LIST`);

/** 32 by 16 pixels, of this type. */
export function tga(type: number): Buffer {
  const head = Buffer.alloc(18);
  head.writeUInt8(type === 1 ? 1 : 0, 1);
  head.writeUInt8(type, 2);
  head.writeUInt16LE(32, 12);
  head.writeUInt16LE(16, 14);
  head.writeUInt8(24, 16);
  return Buffer.concat([head, Buffer.alloc(5_000, 9)]);
}

export const tgaFooter = Buffer.from('\0\0\0\0\0\0\0\0TRUEVISION-XFILE.\0', 'latin1');

function packets(first: number, length: number): Buffer {
  const bytes = Buffer.alloc(length * 8 + first, 0xff);
  for (let packet = 0; packet < 8; packet++) bytes[first + packet * length] = 0x47;
  return bytes;
}

/** A header of a Version 7 tar with one file. */
export function tarOfVersion7(name: string, content: Buffer): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0, 'latin1');
  head.write('0000644\x000000000\x000000000\0', 100, 'latin1');
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  head.write('00000000000\0', 136, 'latin1');
  head.fill(' ', 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const rest = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([head, content, rest, Buffer.alloc(1_024)]);
}

export const IMAGES: Readonly<Record<string, Buffer>> = {
  psd: hex('38425053 0001 000000000000 0003'),
  xcf: text('gimp xcf v011\0'),
  exr: hex('762f3101 02000000'),
  'Radiance hdr': text('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n'),
  dds: hex('44445320 7c000000 07100a00'),
  pbm: text('P1\n# a comment\n24 7\n0 0 0'),
  ppm: text('P6 640 480 255\n'),
  pam: text('P7\nWIDTH 227\nHEIGHT 149\n'),
  pfm: text('PF\n640 480\n-1.0\n'),
  pcx: hex('0a 05 01 08 0000 0000 7f02 df01 4800 4800'),
  sgi: hex('01da 01 01 0003 0280 01e0 0003'),
  'sun raster': hex('59a66a95 00000100 00000100 00000008'),
  xpm: text('/* XPM */\nstatic char * a_xpm[] = {'),
  xbm: text('#define a_width 16\n#define a_height 16\nstatic char a_bits[] = {'),
  icns: hex('69636e73 00012345 69633037'),
  'wmf, placeable': hex('d7cdc69a 0000 0000 0000'),
  wmf: hex('0100 0900 0003 1a00'),
  emf: Buffer.concat([hex('01000000 6c000000', 40), text(' EMF\0\0\x01\0')]),
  djvu: text('AT&TFORM\0\0\x10\0DJVUINFO'),
  bpg: hex('425047fb 2000'),
  flif: text('FLIF1'),
  qoi: hex('716f6966 00000040 00000040 04 00'),
  'JPEG XR': hex('4949bc01 08000000'),
  dicom: at(128, 'DICM\x02\0\0\0UL\x04\0'),
  fits: text('SIMPLE  =                    T / file conforms'),
  cr2: hex('49492a00 10000000 4352 0200'),
  cr3: iso('crx '),
  raf: text('FUJIFILMCCD-RAW 0201FF389501'),
  orf: hex('4949524f 08000000 1600'),
  rw2: hex('49495500 18000000'),
  x3f: hex('464f5662 00000200'),
  mrw: hex('004d524d 000c4a40'),
  mng: hex('8a4d4e47 0d0a1a0a 0000001c'),
  jng: hex('8b4a4e47 0d0a1a0a 00000010'),
  eps: text('%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n'),
  'eps, DOS': hex('c5d0d3c6 1e000000'),
  ktx: hex('ab4b5458203131bb 0d0a1a0a 01020304'),
  ktx2: hex('ab4b5458203230bb 0d0a1a0a'),
  vtf: hex('56544600 07000000 02000000'),
  farbfeld: text('farbfeld\0\0\0\x10\0\0\0\x10'),
  'tga, true colour': tga(2),
  'tga, run lengths': tga(10),
  ilbm: text('FORM\0\0\x10\0ILBMBMHD'),
  ani: riff('ACON'),
};

export const VIDEOS: Readonly<Record<string, Buffer>> = {
  mp4: iso('isom'),
  m4v: iso('M4V '),
  mov: iso('qt  '),
  'mov without ftyp': hex('0000006c 6d6f6f76 00000064'),
  '3gp': iso('3gp5'),
  mkv: Buffer.concat([hex('1a45dfa3 a3 4286 8101 42f7 8101 42f2 8104 42f3 8108 4282 88', 24), text('matroska')]),
  webm: Buffer.concat([hex('1a45dfa3 9f 4286 8101 42f7 8101 42f2 8104 42f3 8108 4282 84', 24), text('webm')]),
  avi: riff('AVI '),
  wmv: hex('3026b2758e66cf11a6d900aa0062ce6c'),
  flv: hex('464c5601 05 00000009'),
  'mpeg-ps': hex('000001ba 44 00 04 00 04 01'),
  'mpeg video': hex('000001b3 16 00 f0 c4'),
  'mpeg-ts': packets(0, 188),
  m2ts: packets(4, 192),
  ogv: Buffer.concat([hex('4f676753 0002 0000000000000000', 28), text('\x80theora\x03\x02')]),
  rm: text('.RMF\0\0\0\x12'),
  mxf: hex('060e2b34 02050101 0d010201 0102'),
};

/** Archives of formats that are not opened. */
export const ARCHIVES: Readonly<Record<string, Buffer>> = {
  '7z': hex('377abcaf271c 0004'),
  rar4: hex('526172211a0700 cf90'),
  rar5: hex('526172211a070100'),
  xz: hex('fd377a585a00 0004'),
  bzip2: hex('425a6839 314159265359'),
  lz4: hex('04224d18 64'),
  cab: hex('4d534346 00000000'),
  'cpio, newc': text('070701000001A4'),
  'cpio, odc': text('070707001405'),
  'cpio, binary': hex('c771 0010'),
  deb: text('!<arch>\ndebian-binary   '),
  rpm: hex('edabeedb 0300'),
  iso9660: Buffer.concat([Buffer.alloc(32_768), text('\x01CD001\x01')]),
  dmg: Buffer.concat([Buffer.alloc(9_000, 3), text('koly\0\0\0\x04', 512)]),
  squashfs: text('hsqs\x10\0\0\0'),
  ace: Buffer.concat([hex('1234 3100 00 9010', 7), text('**ACE**')]),
  arj: hex('60ea 2c00 22 0b 01 0b 10 00 02'),
  lzh: text('\x1f\x20-lh5-\x10\0'),
  compress: hex('1f9d 90'),
  xar: hex('78617221 001c 0001'),
  wim: text('MSWIM\0\0\0\xd0\0\0\0'),
};

/** Files that are none of these, and near to some of them. */
export const OTHERS: Readonly<Record<string, Buffer>> = {
  empty: Buffer.alloc(0),
  text: text('P5 is a text about pages, and PK is not a zip\n'),
  script: text('#!/bin/sh\necho P6\n'),
  header: text('#ifndef A_H\n#define A_H\n'),
  json: text('{"ftyp":"isom"}'),
  program: Buffer.concat([text('MZ\x90\0'), Buffer.alloc(70_000, 5)]),
  elf: hex('7f454c46 02010100'),
  zeros: Buffer.alloc(70_000),
  ones: Buffer.alloc(5_000, 0xff),
  'all the byte 0x47, in text': Buffer.from('GET / HTTP/1.1\n'.repeat(200)),
  'the wide world': text('The wide world, and the moov'),
  sound: iso('M4A '),
  wav: riff('WAVE'),
  ogg: Buffer.concat([hex('4f676753 0002 0000000000000000', 28), text('\x01vorbis')]),
  mp3: hex('494433 0300 00000000'),
  class: hex('cafebabe 0000 0034'),
  woff: text('wOFF\0\x01\0\0'),
  sqlite: text('SQLite format 3\0'),
  'an icon of no image': hex('0000 0200 0000'),
};

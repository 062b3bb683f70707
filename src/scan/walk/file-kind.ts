/** Kind of a file by its magic number: an image, decodable or not, a video, an archive, or something else. */
import { fstatSync, readSync } from 'node:fs';
import * as zlib from 'node:zlib';
import {
  END_BYTES,
  HEAD_BYTES,
  type Identified,
  identify,
  identifyEnd,
  identifyVolume,
  VOLUME_AT,
  VOLUME_BYTES,
} from '../../decode/identify.js';
import { sniff } from '../../decode/sniff.js';

/** `archive`: of a format that is opened. `other_archive`: of another, which only has a name. */
export type ContentKind = 'image' | 'video' | 'archive' | 'other_archive' | 'not_picture';

/** Formats of archives that are opened (`archive.ts`); zstd where this Node has it, since 22.15. */
const OPENED: ReadonlySet<string> = new Set([
  'zip',
  'tar',
  'gzip',
  ...('createZstdDecompress' in zlib ? ['zstd'] : []),
]);

function kindOfIdentified(known: Identified | null): ContentKind {
  if (known === null) return 'not_picture';
  if (known.group === 'image') return 'image';
  if (known.group === 'video') return 'video';
  return OPENED.has(known.name) ? 'archive' : 'other_archive';
}

/** Return the kind of a file by its first bytes, at least `HEAD_BYTES` unless it is shorter. */
export function kindOfHead(head: Uint8Array): ContentKind {
  return sniff(head) ? 'image' : kindOfIdentified(identify(head));
}

const formatOf = (known: Identified | null): string | null => (known?.group === 'archive' ? known.name : null);

/** Return the format of an archive by its first bytes; null if they are of none. */
export const formatOfHead = (head: Uint8Array): string | null => formatOf(identify(head));

/** The threads and the walk read one end at a time, and without waiting in between. */
const end = Buffer.alloc(END_BYTES);

/** Identify an open file by its `head`; where that says nothing, by its end. Errors: those of the system. */
function identifyFile(file: number, head: Uint8Array): Identified | null {
  const byHead = identify(head);
  if (byHead !== null || head.length === 0) return byHead;
  const { size } = fstatSync(file);
  const from = Math.max(0, size - END_BYTES);
  const last = head.length < HEAD_BYTES ? head : end.subarray(0, readSync(file, end, 0, END_BYTES, from));
  const byEnd = identifyEnd(last);
  if (byEnd !== null || size < VOLUME_AT + VOLUME_BYTES) return byEnd;
  return identifyVolume(end.subarray(0, readSync(file, end, 0, VOLUME_BYTES, VOLUME_AT)));
}

/** Return the kind of an open file. Errors: those of the system. */
export function kindOfFile(file: number, head: Uint8Array): ContentKind {
  return sniff(head) ? 'image' : kindOfIdentified(identifyFile(file, head));
}

/** Return the format of an open archive; null if it is none. Errors: those of the system. */
export const archiveFormatOf = (file: number, head: Uint8Array): string | null => formatOf(identifyFile(file, head));

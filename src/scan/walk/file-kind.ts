/** Kind of a file by its magic number: an image, decodable or not, a video, an archive, or something else. */
import { readSync } from 'node:fs';
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
import type { FileBytes } from './file-bytes.js';

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

/** Parts of a file by which it is identified where its first bytes say nothing, in sequence. */
interface Parts {
  /** The last `END_BYTES`. */
  end(): Uint8Array;
  /** `VOLUME_BYTES` at `VOLUME_AT`. */
  volume(): Uint8Array;
}

function identifyParts(head: Uint8Array, size: number, parts: Parts): Identified | null {
  const byHead = identify(head);
  if (byHead !== null || head.length === 0) return byHead;
  const byEnd = identifyEnd(head.length < HEAD_BYTES ? head : parts.end());
  if (byEnd !== null || size < VOLUME_AT + VOLUME_BYTES) return byEnd;
  return identifyVolume(parts.volume());
}

const endAt = (size: number) => Math.max(0, size - END_BYTES);

/** A thread reads one end at a time, and without waiting in between. */
const part = Buffer.alloc(Math.max(END_BYTES, VOLUME_BYTES));

/** Return the kind of an open file of a size. Errors: those of the system. */
export function kindOfFile(file: number, head: Uint8Array, size: number): ContentKind {
  if (sniff(head)) return 'image';
  const read = (at: number, length: number) => part.subarray(0, readSync(file, part, 0, length, at));
  const parts = { end: () => read(endAt(size), END_BYTES), volume: () => read(VOLUME_AT, VOLUME_BYTES) };
  return kindOfIdentified(identifyParts(head, size, parts));
}

/** Return the kind of a file that is not empty, as `kindOfFile` does. Errors: the faults of a file. */
export async function kindOfBytes(file: FileBytes): Promise<ContentKind> {
  const head = await file.read(0, HEAD_BYTES);
  return sniff(head) ? 'image' : kindOfIdentified(await identifyBytes(file, head));
}

/** Return the format of an archive; null if it is none. Errors: the faults of a file. */
export async function archiveFormatOf(file: FileBytes): Promise<string | null> {
  return formatOf(await identifyBytes(file, await file.read(0, HEAD_BYTES)));
}

async function identifyBytes(file: FileBytes, head: Buffer): Promise<Identified | null> {
  const { size } = file;
  const byHead = identify(head);
  if (byHead !== null) return byHead;
  const end = await file.read(endAt(size), END_BYTES);
  const volume = size < VOLUME_AT + VOLUME_BYTES ? Buffer.alloc(0) : await file.read(VOLUME_AT, VOLUME_BYTES);
  return identifyParts(head, size, { end: () => end, volume: () => volume });
}

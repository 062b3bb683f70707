/** One entry of an archive as it is read: its kind by its first bytes, and what of it is kept. Bounded in memory and time. */
import { AppError } from '../../core/errors.js';
import type { PathBytes } from '../../core/path-bytes.js';
import { DIGEST_ALGORITHMS, type Digests } from '../../core/vocabulary.js';
import { HEAD_BYTES } from '../../decode/identify.js';
import { DigestStream } from '../../kernels/digests.js';
import { type ContentKind, kindOfHead } from './file-kind.js';

/** Entries of one archive that a scan reads: a photo library has tens of thousands, a bomb has millions. */
const ARCHIVE_ENTRIES_MAX = 100_000;
/** Unpacked bytes of one archive: a few minutes of work for one core. */
const ARCHIVE_BYTES_MAX = 20_000_000_000;
/** Images hardly compress, text to a tenth; deflate compresses zeros to a thousandth, and such a file is a bomb. */
const ARCHIVE_RATIO_MAX = 200;

export interface ArchiveEntry {
  readonly name: PathBytes;
  /** `link`: a link or a device, without content of its own. */
  readonly kind: ContentKind | 'link';
  /** The bytes of an image within the size limit, which the decoder digests; otherwise null. */
  readonly content: Buffer | null;
  /** Of an image over the limit, and of all other entries where that was asked for. */
  readonly digests: Digests;
  /** `unreadable`: encrypted, or of an unknown method. `unsupported`: an archive, or in a form that is not read. */
  readonly problem: 'too_large' | 'unreadable' | 'unsupported' | null;
  readonly size: number;
  /** Bytes that were unpacked. */
  readonly bytesRead: number;
}

/** Return an entry of which nothing was read. */
export const unread = (
  name: PathBytes,
  size: number,
  problem: ArchiveEntry['problem'],
  kind: ArchiveEntry['kind'] = 'image',
): ArchiveEntry => ({ name, kind, content: null, digests: {}, problem, size, bytesRead: 0 });

/** Limits of one archive. Errors ARCHIVE_TOO_LARGE. */
export class Bounds {
  #entries = 0;
  #bytes = 0;
  constructor(readonly archiveBytes: number) {}
  entry(): void {
    if (++this.#entries > ARCHIVE_ENTRIES_MAX)
      throw new AppError('ARCHIVE_TOO_LARGE', { entriesMax: ARCHIVE_ENTRIES_MAX });
  }
  bytes(count: number): void {
    this.#bytes += count;
    const most = Math.min(ARCHIVE_BYTES_MAX, this.archiveBytes * ARCHIVE_RATIO_MAX);
    if (this.#bytes > most) throw new AppError('ARCHIVE_TOO_LARGE', { bytesMax: most });
  }
}

export interface EntryWants {
  /** Largest image that is decoded. */
  readonly bytesMax: number;
  /** Digests of all entries, not only of images. */
  readonly digestsAll: boolean;
}

interface Reading extends EntryWants {
  readonly size: number;
  readonly bounds: Bounds;
  /** True for a stream inside another, which must be read to its end, and whose bytes are counted there. */
  readonly isNested: boolean;
}

/** Read an entry; the content of an image within the size limit is kept, a larger one is only digested. */
export async function readEntry(
  stream: AsyncIterable<Uint8Array>,
  name: PathBytes,
  { size, bytesMax, digestsAll, bounds, isNested }: Reading,
): Promise<ArchiveEntry> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  let kind: ContentKind | null = null;
  let digests: DigestStream | null = null;
  const takeHead = () => {
    const head = Buffer.concat(chunks);
    kind = kindOfHead(head);
    if (kind === 'image') return;
    chunks = [];
    if (!digestsAll) return;
    digests = new DigestStream(DIGEST_ALGORITHMS);
    digests.update(head);
  };
  for await (const chunk of stream) {
    if (!isNested) bounds.bytes(chunk.length);
    bytes += chunk.length;
    if (digests !== null) (digests as DigestStream).update(chunk);
    else if (kind === null || kind === 'image') chunks.push(chunk);
    else if (!isNested) break;
    if (kind === null && bytes >= HEAD_BYTES) takeHead();
    if (kind !== 'image' || bytes <= bytesMax || digests !== null) continue;
    const large = new DigestStream(DIGEST_ALGORITHMS);
    for (const one of chunks) large.update(one);
    chunks = [];
    digests = large;
  }
  if (kind === null) takeHead();
  const isImage = kind === 'image';
  return {
    name,
    kind: kind!,
    content: isImage && digests === null ? Buffer.concat(chunks) : null,
    digests: (digests as DigestStream | null)?.end() ?? {},
    problem: isImage
      ? digests === null
        ? null
        : 'too_large'
      : kind === 'archive' || kind === 'other_archive'
        ? 'unsupported'
        : null,
    size,
    bytesRead: bytes,
  };
}

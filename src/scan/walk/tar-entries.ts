/** Entries of a tar stream. A name in it is never used as a path, and links are not followed. */
import { Readable } from 'node:stream';
import type { Headers } from 'tar-stream';
import { AppError } from '../../core/errors.js';
import { lazily } from '../../core/lazily.js';
import { pathBytesOf } from '../../core/path-bytes.js';
import { type ArchiveEntry, type Bounds, type EntryWants, readEntry, unread } from './archive-entry.js';

const tarStream = lazily<typeof import('tar-stream')>('tar-stream');

type Header = Headers & { readonly pax?: Readonly<Record<string, string>> | null };

/** Types whose content is that of a file; a contiguous file is one whose place on a disk was special. */
const FILES: ReadonlySet<string> = new Set(['file', 'contiguous-file']);
/** Types without content; the target of a hard link is an entry of its own. */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set(['link', 'symlink', 'character-device', 'block-device', 'fifo']);
/** GNU tar's sparse files of the form 0.x and 1.x: content without its holes. Those of the old form have a type of their own. */
const isSparse = (pax: Header['pax']) => Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'));

/** Headers before an entry: names and attributes, which tar-stream keeps in memory whole, and the padding of a tape. */
const HEADER_BYTES_MAX = 67_108_864;

/** Read the entries of a stream. Errors: those of tar-stream and of `source`, and ARCHIVE_TOO_LARGE. */
export async function* tarEntries(
  source: AsyncIterable<Uint8Array>,
  wants: EntryWants,
  bounds: Bounds,
): AsyncGenerator<ArchiveEntry> {
  const tar = tarStream().extract({ filenameEncoding: 'latin1' as BufferEncoding, allowUnknownFormat: true });
  let fed = 0;
  let most = HEADER_BYTES_MAX;
  const counted = async function* () {
    for await (const chunk of source) {
      bounds.bytes(chunk.length);
      fed += chunk.length;
      if (fed > most) throw new AppError('ARCHIVE_TOO_LARGE', { headerBytesMax: HEADER_BYTES_MAX });
      yield chunk;
    }
  };
  const input = Readable.from(counted(), { objectMode: false });
  input.on('error', (error) => tar.destroy(error));
  input.pipe(tar);
  try {
    for await (const entry of tar) {
      bounds.entry();
      const { name, type, size = 0, pax } = entry.header as Header;
      most = fed + size + HEADER_BYTES_MAX;
      // Names of pax headers are text; others are bytes.
      const exact = pathBytesOf(pax?.['GNU.sparse.name'] ?? pax?.path ?? '') || name;
      const rest = () => void entry.resume();
      // Content after the header of one is no header, and ends the archive as damaged.
      if (type === 'directory') rest();
      else if (WITHOUT_CONTENT.has(type ?? '') && size > 0) {
        // A hard link of `pax` may have the content of its file; what else is there may be entries to other programs.
        const read = await readEntry(entry, exact, { ...wants, size, bounds, isNested: true });
        yield read.kind === 'image' ? read : { ...read, problem: 'unsupported' };
      } else if (WITHOUT_CONTENT.has(type ?? '')) {
        rest();
        yield unread(exact, 0, null, 'link');
      } else if (FILES.has(type ?? '') && !isSparse(pax)) {
        yield await readEntry(entry, exact, { ...wants, size, bounds, isNested: true });
      } else {
        rest();
        yield unread(exact, size, 'unsupported');
      }
    }
  } finally {
    input.destroy();
  }
}

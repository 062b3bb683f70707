/** Facts of an entry of an archive, with the identity of the archive. */

import type { FileIdentity } from '../../core/file-identity.js';
import type { PathBytes } from '../../core/path-bytes.js';
import { type FileFacts, factsOfReply, IMAGE_KIND } from '../facts/file-facts.js';
import { FOLDER_ITSELF } from '../facts/file-row.js';
import { type ImageReader, NO_FACTS } from '../image-reader.js';
import type { ImageWants } from '../image-wants.js';
import type { ArchiveEntry } from './archive-entry.js';
import type { UniqueNames } from './unique-names.js';

/** Return the name of an entry's row. The name of a folder's own line is none of an entry. */
export const rowNameOf = (names: UniqueNames, { name }: ArchiveEntry): PathBytes =>
  names.of(name === '' || name === FOLDER_ITSELF ? '?' : name);

/** Hash an entry, and return what is known of it. Errors SHUTTING_DOWN. */
export async function entryFacts(
  imageReader: ImageReader,
  entry: ArchiveEntry,
  archive: FileIdentity,
  wants: ImageWants = imageReader.parts.wants,
): Promise<FileFacts> {
  const { content, problem, size, digests } = entry;
  const kind = entry.kind === 'image' ? IMAGE_KIND : entry.kind;
  const { frames, detail } = wants;
  const common = { ...NO_FACTS, ...archive, kind, size, digests, scan: 0, generation: 0, frames, detail };
  if (problem === 'too_large') return { ...common, reason: 'too_large', code: 'IMAGE_TOO_LARGE' };
  if (problem === 'unreadable') return { ...common, reason: 'unreadable', code: 'ARCHIVE_INVALID' };
  // One level: an archive in an archive is not opened.
  if (problem === 'unsupported') return { ...common, reason: 'unsupported_format', code: 'ARCHIVE_UNSUPPORTED' };
  if (content === null) return { ...common, reason: 'not_an_image', code: 'IMAGE_NOT_AN_IMAGE' };
  return { ...common, ...factsOfReply(await imageReader.hash({ bytes: content }, wants)) };
}

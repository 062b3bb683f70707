/** Facts of one file in the inventory: its identity, kind, verdict, digests, and every hash that a search would query. `packed-facts.ts` packs them. */
import type { ErrorCode } from '../../core/errors.js';
import type { FileFault, FileIdentity } from '../../core/file-identity.js';
import type { Digests, IMAGE_FORMATS, NotCheckedReason, Verdict } from '../../core/vocabulary.js';
import type { Detail } from '../../core/window.js';
import type { Damage, HashReply, ViewReply } from '../../engine/image-engine.js';
import { readRow } from './packed-bytes.js';
import { unpackStoredWindows } from './stored-windows.js';

/**
 * `picture`: an image, decoded or not. `archive`: its entries are rows of their own. `other_archive`: of a format that is
 * not opened. `link`: an entry of an archive without content of its own. A row stores the position.
 */
export const FILE_KINDS = ['picture', 'not_picture', 'archive', 'vanished', 'video', 'other_archive', 'link'] as const;
export type FileKind = (typeof FILE_KINDS)[number];
export const IMAGE_KIND = FILE_KINDS[0];

/**
 * Counts the changes after which files of some formats have other hashes; rows of before have 0. A scan that resumes reads
 * what `isOutdated` names again.
 */
export const DECODING = 2;
/** Formats whose files have the same hashes as in decoding 0, unless they were damaged or refused. */
const AS_BEFORE: ReadonlySet<string> = new Set(['jpeg']);

/** Return whether this version may find other hashes in the file. */
export function isOutdated({ decoding, reason, degraded, image }: FileFacts): boolean {
  if (decoding >= DECODING) return false;
  // Decoding 2 is other about damage alone: what is grave, and what the file ends with.
  if (decoding === 1) return degraded || reason === 'truncated' || reason === 'corrupt';
  if (image === null) return reason === 'unsupported_format';
  return reason !== null || degraded || !AS_BEFORE.has(image.format);
}

/** A view of a file that was just read, with its windows, or of a row, with what is stored of them. */
export interface FactView extends ViewReply {
  /** As `stored-windows.ts` packs them. They stay packed until one of them may match: a file has a hundred. */
  readonly storedWindows?: Uint8Array;
}

export interface FileFacts extends FileIdentity {
  readonly kind: FileKind;
  /** Scan that inspected the file, and generation that answered. */
  readonly scan: number;
  readonly generation: number;
  /** The last scan of its folder did not see it. */
  readonly isMissing: boolean;
  readonly verdict: Verdict;
  /** Why there are no hashes, or too little was decoded for a `no_match`; null where there are. */
  readonly reason: NotCheckedReason | null;
  readonly code: ErrorCode | null;
  /** Requested number of frames. */
  readonly frames: number;
  /** Which windows of the views were hashed. */
  readonly detail: Detail;
  readonly digests: Digests;
  readonly image: {
    readonly format: (typeof IMAGE_FORMATS)[number];
    readonly width: number;
    readonly height: number;
  } | null;
  readonly degraded: boolean;
  /** `DECODING` of the version that decoded it. */
  readonly decoding: number;
  readonly views: readonly FactView[];
}

/** Return the facts of a file of which nothing was read. Its fields are written out: a scan makes millions of them. */
export function unreadFacts(
  { size, mtimeNs, ctimeNs, inode, device }: FileIdentity,
  kind: FileKind,
  reason: NotCheckedReason | null,
  code: ErrorCode | null,
): FileFacts {
  return {
    kind,
    reason,
    verdict: 'not_checked',
    degraded: false,
    decoding: DECODING,
    isMissing: false,
    code,
    size,
    inode,
    scan: 0,
    generation: 0,
    mtimeNs,
    ctimeNs,
    device,
    frames: 1,
    detail: 'plain',
    digests: {},
    image: null,
    views: [],
  };
}

/** Return the facts of a known file that could not be read this time. */
export const unreadNow = (known: FileFacts, fault: FileFault): FileFacts => ({
  ...unreadFacts(known, known.kind, 'unreadable', fault),
  scan: known.scan,
  isMissing: known.isMissing,
});

/** Return the facts of a reply of the decoder process: all but identity and verdict. */
export function factsOfReply(
  reply: HashReply,
): Pick<FileFacts, 'reason' | 'code' | 'digests' | 'image' | 'degraded' | 'decoding' | 'views'> {
  const { digests } = reply;
  if (!reply.ok) {
    const { reason, code, format, width, height } = reply;
    const image = format === null ? null : { format, width: width ?? 0, height: height ?? 0 };
    return { reason, code, digests, image, degraded: false, decoding: DECODING, views: [] };
  }
  const { format, width, height, damage, views } = reply;
  const reason = damage?.isGrave ? damage.reason : null;
  const image = { format, width, height };
  return { reason, code: damage?.code ?? null, digests, image, degraded: damage !== null, decoding: DECODING, views };
}

/** Return a view with its windows; stored ones have no certain bits. Errors STORE_FAILED: the bytes are invalid. */
function withWindows({ storedWindows, ...view }: FactView): ViewReply {
  if (storedWindows === undefined) return view;
  return { ...view, windows: readRow(() => unpackStoredWindows(storedWindows)) };
}

/** Return the reply of the decoder process again. Errors STORE_FAILED. */
export function replyOf(facts: FileFacts): HashReply {
  const { digests, size: bytes, image, reason, code, degraded, views } = facts;
  if (image === null || (reason !== null && views.length === 0)) {
    const failed = { reason: reason ?? 'not_an_image', code: code ?? 'IMAGE_NOT_AN_IMAGE' } as const;
    const { format, width, height } = image ?? { format: null, width: null, height: null };
    // A header without a size is stored as size 0.
    return { ok: false, digests, bytes, ...failed, format, width: width || null, height: height || null };
  }
  // Rows of earlier versions have no code of damage that was not grave.
  const isCut = code === 'IMAGE_TRUNCATED';
  const damage: Damage | null = degraded
    ? { reason: isCut ? 'truncated' : 'corrupt', code: isCut ? code : 'IMAGE_CORRUPT', isGrave: reason !== null }
    : null;
  return { ok: true, digests, bytes, ...image, damage, views: views.map(withWindows) };
}

/**
 * Images on their way through the decoder: recorded as in flight before they are opened, read by the decoder process,
 * then compared with their status, so that a file that was written meanwhile is detected.
 */
import { lstatSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import { joinPath, type PathBytes, systemPath } from '../core/path-bytes.js';
import type { HashReply, HashWants } from '../engine/image-engine.js';
import type { Committer } from './committer.js';
import {
  type FileFacts,
  type FileKind,
  factsOfReply,
  type Identity,
  IMAGE_KIND,
  isSameFile,
} from './facts/file-facts.js';
import type { Throttle } from './throttle.js';

export interface ImageFile {
  readonly folder: PathBytes;
  readonly folderId: number;
  readonly fileKey: number;
  readonly name: PathBytes;
  readonly identity: Identity;
  readonly kind?: FileKind;
}

/** A file that the decoder process reads, or the bytes of one that lies in an archive. */
type ImageInput = { readonly file: PathBytes } | { readonly bytes: Uint8Array };

interface ImageReaderParts {
  readonly hashReply: (input: ImageInput, wants: HashWants) => Promise<HashReply>;
  readonly whenRoom: () => Promise<void>;
  readonly committer: Committer;
  readonly throttle: Throttle;
  readonly wants: HashWants;
  readonly scan: number;
  readonly followsLinks: boolean;
}

/** Pause before a file that was written while it was read is read again, once. */
const AGAIN_AFTER_MS = 50;

export const NO_FACTS = {
  kind: IMAGE_KIND,
  verdict: 'not_checked',
  reason: null,
  code: null,
  frames: 1,
  digests: {},
  image: null,
  degraded: false,
  views: [],
} as const satisfies Partial<FileFacts>;

export class ImageReader {
  readonly #oneAtATime = pLimit(1);

  constructor(readonly parts: ImageReaderParts) {}

  /** Record a file as in flight, on disk. */
  begin({ fileKey, folderId, name }: ImageFile, aloneTries = 0): Promise<void> {
    return this.parts.committer.commit({ begun: [{ fileKey, folderId, name, aloneTries }] });
  }

  /** Return the current identity of a file, or the code of the failure. */
  identityNow(path: PathBytes): Identity | 'FILE_VANISHED' | 'FILE_UNREADABLE' {
    try {
      const stat = this.parts.followsLinks ? statSync : lstatSync;
      const { size, mtimeNs, ino } = stat(systemPath(path), { bigint: true });
      return { size: Number(size), mtimeNs, inode: ino };
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'FILE_VANISHED' : 'FILE_UNREADABLE';
    }
  }

  /** Hash an image. Callers wait for room one at a time: otherwise several would see the same room, and all but one be refused. */
  async hash(input: ImageInput): Promise<HashReply> {
    const { hashReply, whenRoom, wants } = this.parts;
    // In an object, so that the next caller does not wait for the reply itself.
    const { reply } = await this.#oneAtATime(async () => {
      await whenRoom();
      return { reply: hashReply(input, wants) };
    });
    return reply;
  }

  /** Return the facts of a file; one that cannot be read has facts too. Errors SHUTTING_DOWN. */
  async read({ folder, name, identity, kind = IMAGE_KIND }: ImageFile): Promise<FileFacts> {
    const { throttle, wants, scan } = this.parts;
    const path = joinPath(folder, name);
    const common = { ...NO_FACTS, kind, scan, generation: 0, frames: wants.frames };
    let before = identity;
    for (let isAgain = false; ; isAgain = true) {
      await throttle.take(0, before.size);
      const reply = await this.hash({ file: path });
      const after = this.identityNow(path);
      if (typeof after === 'string') return { ...common, ...identity, reason: 'unreadable', code: after };
      if (isSameFile(before, after)) return { ...common, ...after, ...factsOfReply(reply) };
      if (isAgain) return { ...common, ...after, reason: 'unreadable', code: 'FILE_CHANGED' };
      before = after;
      await delay(AGAIN_AFTER_MS);
    }
  }
}

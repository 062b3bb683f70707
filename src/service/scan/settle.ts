/**
 * The end of every file's way through a scan, whether it was read or known: many together are matched, then each is
 * recorded, told, counted and written, in this order; only then is it in hand no more.
 */

import { joinPath, type PathBytes } from '../../core/path-bytes.js';
import type { OrientationChoice } from '../../core/vocabulary.js';
import { verdictOf } from '../check-image.js';
import { type Decision, NOTHING_FOUND } from '../policy.js';
import type { Committer } from './committer.js';
import { type FileFacts, packFacts } from './file-facts.js';
import { type FileResult, hasQuery, queryOf, resultOf } from './file-result.js';
import type { Matcher } from './matcher.js';
import type { Tally } from './tally.js';

export interface Settled {
  readonly folder: PathBytes;
  readonly isArchive: boolean;
  readonly spot: number;
  readonly name: PathBytes;
  readonly facts: FileFacts;
  /** It was opened now, so its row is to be written. */
  readonly wasRead: boolean;
  /** This scan has put it on record already. */
  readonly isRecorded: boolean;
}

export interface SettlerParts {
  readonly matcher: Matcher;
  readonly committer: Committer;
  readonly tally: Tally;
  readonly scan: number;
  readonly orientations: OrientationChoice;
  /** Without an inventory that is kept, files have no rows. */
  readonly keepsFiles: boolean;
  readonly onResult: (result: FileResult) => void;
  /** A file that is no picture; null where nobody asks. */
  readonly onOther: ((path: PathBytes, kind: FileFacts['kind']) => void) | null;
}

/** Files that are matched together, and how long one waits for others. */
const TOGETHER_MAX = 1_024;
const GATHER_MS = 15;

export function pathOf({ folder, name, isArchive }: Pick<Settled, 'folder' | 'name' | 'isArchive'>): PathBytes {
  return isArchive ? `${folder}!/${name}` : joinPath(folder, name);
}

export class Settler {
  #held: { readonly file: Settled; readonly done: () => void; readonly failed: (error: unknown) => void }[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(readonly parts: SettlerParts) {}

  /** Resolves when the file is told and written. Errors: as the matcher and the inventory. */
  settle(file: Settled): Promise<void> {
    return new Promise((done, failed) => {
      this.#held.push({ file, done, failed });
      if (this.#held.length >= TOGETHER_MAX) this.#flush();
      else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
    });
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const held = this.#held;
    this.#held = [];
    this.#settleAll(held.map(({ file }) => file)).then(
      () => {
        for (const { done } of held) done();
      },
      (error: unknown) => {
        for (const { failed } of held) failed(error);
      },
    );
  }

  async #settleAll(files: readonly Settled[]): Promise<void> {
    const { matcher, orientations } = this.parts;
    const asked = files.filter(({ facts }) => hasQuery(facts));
    const decisions =
      asked.length > 0 ? await matcher.match(asked.map(({ facts }) => queryOf(facts, orientations))) : [];
    let at = 0;
    await Promise.all(
      files.map((file) => this.#settleOne(file, hasQuery(file.facts) ? decisions[at++]! : NOTHING_FOUND)),
    );
  }

  async #settleOne(file: Settled, decision: Decision): Promise<void> {
    const { matcher, committer, tally, scan, keepsFiles, onResult, onOther } = this.parts;
    const { generation, exact } = matcher;
    const { verdict, reason } = verdictOf(decision, file.facts);
    const isOther = reason === 'not_an_image' && verdict === 'not_checked';
    const result = isOther ? null : resultOf(pathOf(file), file.facts, { generation, exact, decision }, file.wasRead);
    if (result && !file.isRecorded) {
      await matcher.record({ ...result, fileId: file.facts.digests.sha256 ?? result.pathBytes });
    }
    const isChanged = file.wasRead || file.facts.verdict !== verdict;
    // On disk before it is told, so that what a report says is not asked again.
    if (isChanged && keepsFiles) {
      const facts = packFacts({ ...file.facts, verdict, generation, scan });
      await committer.commit({ files: [{ spot: file.spot, name: file.name, facts }], ended: [file.spot] });
    }
    if (result === null) {
      onOther?.(pathOf(file), file.facts.kind);
      return tally.takeOther(file.facts.kind, file.wasRead);
    }
    tally.take(result);
    onResult(result);
  }
}

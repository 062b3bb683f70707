/**
 * The canaries of a review: those that ship, and the entries of the suppression lists. Each has a name for the person who
 * approves: what it shows, or its list and id.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHash256 } from '../../core/hash256.js';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import { looksLikeValue } from '../../core/value-like.js';
import type { ListReader, NearRow } from '../../store/lists-contract.js';

const linesOf = (name: string) =>
  readFileSync(join(PACKAGE_ROOT, 'hashlists', name), 'utf8')
    .split('\n')
    .filter(Boolean);

/** The canary hashes that ship: one of 64 hex digits a line. */
export function shippedCanaries(): Uint8Array[] {
  return linesOf('canary.txt').map(parseHash256);
}

/** What each of them shows, in the same order. Read with the first that is named. */
let shown: readonly string[] | undefined;

/** Return an id of a list as it may be shown; null: there is none, or it may be a value. */
export const shownId = (entryId: string): string | null => (entryId === '' || looksLikeValue(entryId) ? null : entryId);

/** The PDQ entries of the suppression lists that are everyone's, or of the tenant whose list is reviewed: those of another tenant say nothing of it. */
export class OwnCanaries {
  readonly hashes: Uint8Array[] = [];
  readonly #lists: string[] = [];
  readonly #ids: string[] = [];

  static async of(store: ListReader, tenant: string | null): Promise<OwnCanaries> {
    const own = new OwnCanaries();
    for (const { list, kind, version, entriesByAlgorithm, tenant: owner } of await store.lists()) {
      if (owner !== null && owner !== tenant) continue;
      // Digests have no near matches: a list of tens of millions of them is not read.
      if (kind !== 'suppression' || (entriesByAlgorithm.pdq ?? 0) === 0) continue;
      for await (const row of await store.versionRows(list, version)) {
        if (!row.ok || row.entry.algorithm !== 'pdq') continue;
        own.hashes.push(parseHash256(row.entry.value));
        own.#lists.push(list);
        own.#ids.push(row.entry.entryId);
      }
    }
    return own;
  }

  /** Name the canary at a position among those that ship (from 0), or, behind them, among these. */
  nameOf(at: number): NearRow {
    shown ??= linesOf('canary-shows.txt');
    if (at < shown.length) return { kind: 'canary', line: at + 1, shows: shown[at]!, list: null, entryId: null };
    const own = at - shown.length;
    return { kind: 'entry', line: null, shows: null, list: this.#lists[own]!, entryId: shownId(this.#ids[own]!) };
  }
}

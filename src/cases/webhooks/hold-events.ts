/**
 * Which events wait for a person: those of a hit that counts only by near matches of entries that a flood marked. Such an
 * entry is often a stock image that came onto a list, and a receiver may take files down by itself. A match of a digest never
 * waits, since a flood can be made by anybody. Overdue cases are always sent.
 */
import type { Match } from '../../core/match-types.js';
import type { Ledger } from '../../ledger/ledger.js';
import { namesNow } from '../../lists/list-names.js';
import type { ListReader, QuarantinedEntry } from '../../store/lists-contract.js';
import type { WebhookEvent, WebhookEventKind } from '../../store/webhooks-contract.js';

/** Events that a receiver may act on by taking a file down. */
const HELD_KINDS: readonly WebhookEventKind[] = ['hit.new', 'case.reopened'];

/** Whether an event is sent, waits, or is withdrawn, since a person has decided that no entry of its hit counts. */
type Standing = 'send' | 'wait' | 'withdraw';

interface HoldParts {
  /** Return the entries of all lists that are quarantined or marked; none where no event is to wait. */
  readonly marks: () => Promise<readonly QuarantinedEntry[]>;
  /** Return the matches of a hit; null: there is no such hit. */
  readonly matchesOf: (
    hitId: string,
  ) => Promise<readonly Pick<Match, 'list' | 'entryId' | 'matchType' | 'suppressed'>[] | null>;
}

/** Return the matches of hits by the names that their lists have now, as marks are. */
export function presentMatches({
  ledger,
  lists,
}: {
  readonly ledger: Pick<Ledger, 'hit'>;
  readonly lists: Pick<ListReader, 'lists'>;
}): HoldParts['matchesOf'] {
  return async (hitId) => {
    const hit = await ledger.hit(undefined, hitId);
    if (hit === null) return null;
    const nameNow = namesNow(await lists.lists());
    return hit.matches.map((match) => ({ ...match, list: nameNow(match.list, hit.generation) ?? match.list }));
  };
}

const keyOf = ({ list, entryId }: Pick<QuarantinedEntry, 'list' | 'entryId'>) => JSON.stringify([list, entryId]);

export class EventHold {
  readonly #parts: HoldParts;
  /** Marked entries as of the last `decided`; null before it. */
  #undecided: ReadonlySet<string> | null = null;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  async standingOf({ kind, subject }: Pick<WebhookEvent, 'kind' | 'subject'>): Promise<Standing> {
    if (!HELD_KINDS.includes(kind)) return 'send';
    const marks = new Map((await this.#parts.marks()).map((entry) => [keyOf(entry), entry.flooded]));
    if (marks.size === 0) return 'send';
    // The subject begins with the hit's id (`events.ts`).
    const matches = (await this.#parts.matchesOf(subject.split(' ')[0]!)) ?? [];
    const counted = matches.filter(({ suppressed }) => !suppressed);
    const states = counted.map((match) => marks.get(keyOf(match)));
    if (counted.length === 0 || states.includes(undefined)) return 'send';
    if (!states.includes(true)) return 'withdraw';
    return counted.some(({ matchType }) => matchType === 'exact') ? 'send' : 'wait';
  }

  /**
   * Return whether a marked entry was decided on since the last call, by any process. True at the first call: an earlier
   * process may have held events that are no longer to wait.
   */
  async decided(): Promise<boolean> {
    const before = this.#undecided;
    const marked = (await this.#parts.marks()).filter(({ flooded }) => flooded);
    const now = new Set(marked.map(keyOf));
    this.#undecided = now;
    return before === null || [...before].some((key) => !now.has(key));
  }
}

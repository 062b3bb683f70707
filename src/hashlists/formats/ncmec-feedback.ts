/**
 * Feedback of members on the fingerprints of an NCMEC entry, as notes. Its form is that of the sample answers in
 * python-threatexchange: `affirmativeFeedback` and `negativeFeedback`, each of one type of fingerprint, with the members that gave
 * it; negative ones are grouped by their reasons.
 */
import type { XmlElement } from './xml.js';

/** An entry has a handful of fingerprints; each has two statements. */
const STATEMENTS_MAX = 40;
/** Those of NCMEC's lists of reasons. */
const REASONS_MAX = 20;
/** Names of one group; the others are counted. */
const NAMES_MAX = 20;
/** Characters of one note: all notes of an entry have 4,096. */
const NOTE_CHARS_MAX = 1_000;

interface Group {
  readonly reason: string | null;
  readonly names: string[];
  more: number;
}

interface Statement {
  /** `affirmativeFeedback` or `negativeFeedback`. */
  readonly kind: string;
  /** Of the fingerprint, in lower case. */
  readonly type: string;
  readonly at: string;
  readonly groups: Group[];
}

const KINDS = new Set(['affirmativeFeedback', 'negativeFeedback']);

function textOf({ reason, names, more }: Group): string {
  const members = [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return [reason, members].filter(Boolean).join(': ');
}

/** Built from the events of the parser within `feedback`. */
export class NcmecFeedback {
  readonly #statements: Statement[] = [];
  /** Those that are open, and kept. */
  #statement: Statement | null = null;
  #group: Group | null = null;

  opened(local: string, { type = '', name = '', lastUpdateTimestamp = '' }: XmlElement['attributes']): void {
    if (KINDS.has(local)) {
      if (this.#statements.length >= STATEMENTS_MAX) return;
      this.#statement = { kind: local, type: type.toLowerCase(), at: lastUpdateTimestamp, groups: [] };
      this.#statements.push(this.#statement);
      this.#begin(null);
    } else if (local === 'reason') this.#begin(name);
  }

  #begin(reason: string | null): void {
    const groups = this.#statement?.groups;
    this.#group = groups === undefined || groups.length > REASONS_MAX ? null : { reason, names: [], more: 0 };
    if (this.#group !== null) groups?.push(this.#group);
  }

  closed(local: string, text: string): void {
    if (KINDS.has(local)) {
      this.#statement = null;
      this.#group = null;
    } else if (local === 'member' && text !== '' && this.#group !== null) {
      if (this.#group.names.length < NAMES_MAX) this.#group.names.push(text);
      else this.#group.more++;
    }
  }

  /** Return the notes of one fingerprint; none where no member said anything of it. */
  notesOf(type: string): Readonly<Record<string, string>> {
    const said = this.#statements.filter((one) => one.type === type.toLowerCase());
    return Object.fromEntries(
      said.map(({ kind, at, groups }) => {
        const named = groups.map(textOf).filter(Boolean).join('; ');
        const note = `${named.slice(0, NOTE_CHARS_MAX)}${at === '' ? '' : ` (${at})`}`;
        return [kind, note.trim()];
      }),
    );
  }
}

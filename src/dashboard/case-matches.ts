/** The matches of a case and its digest, as far as they may be shown: never a value of a list. */
import { windowFigure, windowWords } from './case-window.js';
import { matchText } from './case-words.js';
import { make } from './dom.js';
import type { Hit } from './types.js';
import { count } from './words.js';

/** Of the at most 100 of each list; the nearest come first. */
const MATCHES_SHOWN_MAX = 20;

/** Some lists have the value itself as the id of its entry; such an id is left out, as in a notice. */
export const looksLikeValue = (text: string): boolean => /[0-9a-f]{32}/i.test(text) || /[A-Za-z0-9+/]{43}/.test(text);

const entryText = (entryId: string) =>
  looksLikeValue(entryId) ? 'entry not shown: its id may be a value of the list' : `entry ${entryId}`;

/** Words of one match: the entry, and how it matched. */
export function matchWords(match: Hit['matches'][number]): readonly [entry: string, how: string] {
  const { list, entryId, algorithm, orientation, family, derived, category, severity, source } = match;
  const how = [algorithm, matchText(match)].filter(Boolean).join(', ');
  const turned = orientation && orientation !== 'original' ? orientation : null;
  const named = (label: string, value: string | null | undefined) => (value ? `${label} ${value}` : null);
  const facts = [
    how,
    turned,
    family,
    derived ? `by a ${derived} of the listed image` : null,
    named('category', category),
    named('severity', severity),
    named('source', source),
    match.suppressed ? 'suppressed' : null,
    match.quarantined ? 'quarantined' : null,
  ];
  return [entryId === undefined ? list : `${list} · ${entryText(entryId)}`, facts.filter(Boolean).join(' · ')];
}

/** Say where the digest of the file is. It is sealed in the ledger; that of a listed file is, or leads to, a value of the list. */
export function digestWords({ kind, matches, digests, entryId }: Hit): string {
  if (matches.some(({ matchType }) => matchType === 'exact')) return 'not shown: the file is itself listed';
  if (kind === 'hash' && Object.keys(digests).length === 0) return 'none: a hash was checked, not a file';
  if (digests.sha256 === undefined) return 'no SHA-256 was recorded';
  const where = 'sealed in the ledger; the notice has its SHA-256';
  return entryId === undefined ? `${where} for a key with the scope details` : where;
}

function titleOf({ matches, possible }: Hit): string {
  if (possible) return matches.length === 1 ? 'Possible' : `${count(matches.length)} possible`;
  return matches.length === 1 ? 'Match' : `${count(matches.length)} matches`;
}

export function matchesOf(hit: Hit): HTMLElement {
  const { matches, entryId } = hit;
  const shown = matches.slice(0, MATCHES_SHOWN_MAX).map((match) => {
    const [entry, how] = matchWords(match);
    const words = [make('span', {}, entry), make('small', { class: 'soft' }, how)];
    const { window } = match;
    if (!window) return make('li', {}, ...words);
    return make('li', {}, ...words, make('small', { class: 'soft' }, windowWords(window)), windowFigure(window));
  });
  const rest = matches.length - shown.length;
  return make(
    'section',
    { 'aria-labelledby': 'case-matches-title' },
    make('h3', { id: 'case-matches-title' }, titleOf(hit)),
    hit.possible
      ? make(
          'p',
          { class: 'hint' },
          'No match: a part of the image may be an edited copy of what is listed. Please compare.',
        )
      : null,
    make('ol', { class: 'matches', tabindex: '0', 'aria-label': 'Matches' }, ...shown),
    rest > 0 ? make('p', { class: 'hint' }, `and ${count(rest)} that are not nearer`) : null,
    entryId === undefined
      ? make('p', { class: 'hint' }, 'Entry, algorithm, distance and category need a key with the scope details.')
      : null,
  );
}

/** An explanation as it is shown: the verdict, what was searched, and the entries within reach of each list. */
import { looksLikeValue } from './case-matches.js';
import { windowFigure, windowWords } from './case-window.js';
import { make, table } from './dom.js';
import type { ExplainedEntry, ExplainedList, Explanation, Hashed } from './explain-types.js';
import { entryWords, KIND_WORDS, OUTCOME_WORDS, VERDICT_WORDS, verdictWords } from './explain-words.js';
import { bytesWords } from './list-jobs.js';
import { count, plainWords } from './words.js';

const tag = ([word, kind]: readonly [string, string]) => make('span', { class: `tag ${kind}` }, word);
const code = (text: string) => make('code', { class: 'digest' }, text);

function hashLine({ hash, quality }: Hashed): HTMLElement {
  const low = quality < 50 ? ': low, near matches count only on lists that take it' : '';
  return make('span', {}, code(hash), make('small', { class: 'line' }, `quality ${quality} of 100${low}`));
}

function imageWords({ image, bytes }: Explanation): string {
  const size = bytes === null ? '' : bytesWords(bytes);
  if (image === null) return ['no known image format', size].filter(Boolean).join(', ');
  const { format, width, height } = image;
  const pixels = width === null || height === null ? 'size not known' : `${count(width)} × ${count(height)} pixels`;
  return [format.toUpperCase(), pixels, size].filter(Boolean).join(', ');
}

function searchedWords({ searched, algorithm }: Explanation): string {
  const { views, hashes, digests } = searched;
  const some = (number: number, one: string, more: string) => `${count(number)} ${number === 1 ? one : more}`;
  const of = algorithm === null && views > 1 ? ` of ${count(views)} frames, pages or backgrounds` : '';
  return `${some(hashes, 'hash', 'hashes')}${of}, ${some(digests, 'digest', 'digests')}`;
}

function windowsWords({ windows, detail }: Explanation['searched']): string {
  const some = Object.entries(windows).filter(([, number]) => number > 0);
  const words = some.map(([kind, number]) => `${plainWords(kind)} ${count(number)}`).join(', ');
  return `${words || 'none'} (detail ${detail})`;
}

function qualityWords({ degenerate, oneDimensional, lowQuality, degraded }: Explanation): string {
  return [
    degenerate ? 'no detail: no hash is searched' : null,
    oneDimensional ? 'one-dimensional' : null,
    lowQuality ? 'low quality' : null,
    degraded ? 'damaged, decoded as far as it goes' : null,
  ]
    .filter(Boolean)
    .join('; ');
}

function factsOf(answer: Explanation): HTMLElement {
  const { algorithm, digests, pdq, pdqFull, blockhash, searched, generation } = answer;
  const isImage = algorithm === null;
  const rows: readonly (readonly [string, HTMLElement | string | null])[] = [
    isImage ? ['Image', imageWords(answer)] : ['Value', KIND_WORDS[algorithm] ?? algorithm],
    ...(isImage ? Object.entries(digests).map(([name, hex]) => [KIND_WORDS[name] ?? name, code(hex)] as const) : []),
    ['PDQ', pdq && hashLine(pdq)],
    ['PDQ, full size', pdqFull && hashLine(pdqFull)],
    ['Blockhash', blockhash === null ? null : code(blockhash)],
    ['Quality', qualityWords(answer) || null],
    ['Searched', searchedWords(answer)],
    ['Windows', isImage ? windowsWords(searched) : null],
    ['Lists', `generation ${count(generation)}${answer.exact ? '' : ', by an approximate index'}`],
  ];
  const shown = rows.filter(([, value]) => value !== null);
  return make(
    'dl',
    { class: 'case-facts' },
    ...shown.flatMap(([label, value]) => [make('dt', {}, label), make('dd', {}, value)]),
  );
}

/** What of the image an entry is near. */
function foundBy({ algorithm, orientation, family, window, derived, frame, background, part }: ExplainedEntry) {
  const facts = [
    KIND_WORDS[algorithm] ?? algorithm,
    family === null || family === 'symmetric' ? null : family,
    orientation === null || orientation === 'original' ? null : orientation,
    frame === null || frame === 0 ? null : `frame ${frame}`,
    background && `on ${background}`,
    part && plainWords(part),
    derived && `by a ${derived} of the listed image`,
  ];
  const place = window === null ? null : make('small', { class: 'line' }, windowWords(window));
  return make('span', {}, facts.filter(Boolean).join(', '), place, window && windowFigure(window));
}

function nameOf({ entryId, category, source }: ExplainedEntry): HTMLElement {
  const name = entryId === null ? 'removed' : looksLikeValue(entryId) ? 'not shown: its id may be a value' : entryId;
  const more = [category && `category ${category}`, source && `source ${source}`].filter(Boolean).join(', ');
  return make('span', {}, name, more === '' ? null : make('small', { class: 'line' }, more));
}

function listPart(list: ExplainedList, answer: Explanation): HTMLElement {
  const { list: name, radiusBits, detail, reached, admitted, entries, enabled, kind } = list;
  const says = [
    kind === 'suppression' ? 'known good' : null,
    enabled ? null : 'disabled',
    `radius ${count(radiusBits)} bits`,
    `detail ${detail}`,
    `${count(reached)} within reach, ${count(admitted)} by the rules of the list`,
  ];
  const rest = reached - entries.length;
  return make(
    'section',
    { 'aria-label': `List ${name}`, class: 'explained-list' },
    make('h4', {}, name, make('small', {}, says.filter(Boolean).join(' · '))),
    table<ExplainedEntry>(`Entries of ${name} within reach`, entries, [
      { head: 'Entry', cell: nameOf },
      {
        head: 'Distance',
        cell: ({ matchType, distance }) => (matchType === 'exact' ? 'same digest' : `${count(distance)} bits`),
      },
      { head: 'Near by', cell: foundBy },
      {
        head: 'Result',
        cell: (entry) =>
          make(
            'span',
            {},
            tag(OUTCOME_WORDS[entry.outcome]),
            make('small', { class: 'line' }, entryWords(entry, list, answer)),
          ),
      },
    ]),
    rest > 0 ? make('p', { class: 'soft' }, `and ${count(rest)} more that are not nearer`) : null,
  );
}

/** Lists of known material first, and of those the ones that match, then by their nearest entry. */
function inOrder(a: ExplainedList, b: ExplainedList): number {
  const [nearA, nearB] = [a.entries[0]?.distance ?? 0, b.entries[0]?.distance ?? 0];
  const rank = ({ kind, admitted }: ExplainedList) => (kind === 'match' ? 2 : 0) + (admitted > 0 ? 1 : 0);
  return rank(b) - rank(a) || nearA - nearB;
}

/** Return the explanation as it is shown. `given`: the name of what was explained. */
export function explanationPart(answer: Explanation, given: string): HTMLElement {
  const near = answer.lists.filter(({ reached }) => reached > 0).sort(inOrder);
  const far = answer.lists.filter(({ reached }) => reached === 0);
  const named = far.map(({ list, enabled, inForce }) =>
    enabled ? `${list}${inForce ? '' : ' (not in force)'}` : `${list} (disabled)`,
  );
  return make(
    'div',
    { class: 'explained' },
    make('h3', { tabindex: '-1' }, given),
    make('p', { class: 'verdict' }, tag(VERDICT_WORDS[answer.verdict]), ` ${verdictWords(answer)}`),
    make('details', { open: '' }, make('summary', {}, 'What was searched'), factsOf(answer)),
    ...near.map((list) => listPart(list, answer)),
    named.length === 0 ? null : make('p', { class: 'soft' }, `Nothing within reach on: ${named.join(', ')}.`),
    answer.lists.length === 0 ? make('p', { class: 'soft' }, 'There are no lists.') : null,
  );
}

/** What one list is: its settings, the state of its source, and its versions. */
import { emptiness, make, table } from './dom.js';
import type { ListFacts, Source, Version } from './list-types.js';
import { actorWords, percentOf, rejectWords } from './list-words.js';
import { age, count, duration, time } from './words.js';

/** Versions that are shown at first. */
const VERSIONS_SHOWN = 10;
const MINUTE_S = 60;

/** A button of the dialog: the key names what it does. */
export const button = (key: string, label: string, more: Readonly<Record<string, string>> = {}): HTMLButtonElement =>
  make('button', { type: 'button', 'data-key': key, ...more }, label);

const DETAIL_WORDS: Readonly<Record<ListFacts['detail'], string>> = {
  plain: 'plain: the whole image is compared',
  standard: 'standard: also parts of it that are found',
  deep: 'deep: also cropped and turned copies',
};

function factsOf(rows: readonly (readonly [label: string, value: string])[]): HTMLElement {
  return make(
    'dl',
    { class: 'case-facts' },
    ...rows.flatMap(([label, value]) => [make('dt', {}, label), make('dd', {}, value)]),
  );
}

export function listFacts(list: ListFacts, isAdmin: boolean): HTMLElement {
  const algorithms = Object.entries(list.entriesByAlgorithm).map(([name, entries]) => `${name} ${count(entries)}`);
  const state = list.enabled ? 'enabled' : 'disabled: nothing matches it';
  const facts = factsOf([
    ['State', list.kind === 'suppression' ? `${state}; a suppression list` : state],
    ['Entries', [count(list.entryCount), algorithms.join(', ')].filter(Boolean).join(': ')],
    ['Radius', `${list.radiusBits} bits`],
    ['Detail', DETAIL_WORDS[list.detail]],
    ['Imported', list.importedAt === null ? 'never' : `${time(list.importedAt)}, version ${list.version}`],
    ...(list.expiresAt === null ? [] : [['Expires', time(list.expiresAt)] as const]),
    ...(list.tenant === null ? [] : [['Tenant', `${list.tenant}: no other’s checks search it`] as const]),
    ...(list.bank === null ? [] : [['Bank of HMA', list.bank] as const]),
    ...(list.sampleRatio === 1
      ? []
      : [['Sample', `counts in ${percentOf(list.sampleRatio)} % of the checks`] as const]),
  ]);
  const toggle = button('switch', list.enabled ? 'Disable the list' : 'Enable the list');
  return make('div', {}, facts, isAdmin ? make('p', { class: 'buttons left' }, toggle) : null);
}

function nextSync({ state, pages, everyMinutes, dueAt }: Source, nowMs: number): string {
  if (state === 'running') return `running: ${count(pages)} ${pages === 1 ? 'page' : 'pages'} so far`;
  if (state === 'waiting') return 'requested: waits for its turn';
  if (everyMinutes === null) return 'on request only';
  const each = `every ${duration(everyMinutes * MINUTE_S)}`;
  if (dueAt === null) return `at once, then ${each}`;
  const seconds = (Date.parse(dueAt) - nowMs) / 1000;
  return seconds < 0 ? `due since ${time(dueAt)}, ${each}` : `in ${duration(seconds)}, at ${time(dueAt)}, ${each}`;
}

function lastSync({ lastTry }: Source): string {
  if (lastTry === null) return 'never tried';
  const { outcome, endedAt, why } = lastTry;
  if (outcome === 'synced') return `synced, ${time(endedAt)}`;
  if (outcome === 'held') return `held for approval, ${time(endedAt)}`;
  return `failed, ${time(endedAt)}: ${why ?? 'without a reason'}`;
}

export function sourceFacts(source: Source, isAdmin: boolean): HTMLElement {
  const nowMs = Date.now();
  const { type, url, syncedAt, state } = source;
  return make(
    'div',
    {},
    factsOf([
      ['From', `${type}, ${url}`],
      ['In force', syncedAt === null ? 'never synced' : `as of ${time(syncedAt)}, ${age(syncedAt, nowMs)}`],
      ['Last sync', lastSync(source)],
      ['Next sync', nextSync(source, nowMs)],
    ]),
    isAdmin
      ? make(
          'p',
          { class: 'buttons left' },
          button('sync', 'Sync now', { ...(state === 'idle' ? {} : { disabled: '' }) }),
        )
      : null,
  );
}

/** What was not taken, by the reason. */
function leftOut({ duplicates, rejected, rejectedByReason }: Version): HTMLElement | string {
  const reasons = Object.entries(rejectedByReason).map(([reason, rows]) => `${count(rows)} ${rejectWords(reason)}`);
  if (duplicates + rejected === 0) return '0';
  const parts = [
    ...(rejected > 0 ? [`${count(rejected)} rejected`] : []),
    ...(duplicates > 0 ? [`${count(duplicates)} ${duplicates === 1 ? 'duplicate' : 'duplicates'}`] : []),
  ];
  return make(
    'span',
    {},
    parts.join(', '),
    reasons.length === 0 ? null : make('small', { class: 'line' }, reasons.join('; ')),
  );
}

const restoreButton = ({ version, state }: Version) =>
  state === 'past'
    ? button(`rollback ${version}`, 'Roll back', { class: 'quiet', 'aria-label': `Roll back to version ${version}` })
    : null;

const STATE_KINDS = { active: 'ok', held: 'warn', past: '' } as const;

/** `actors`: whose each version is, where the key may know. `more`: all are shown. */
export function versionTable(
  versions: readonly Version[],
  {
    actors,
    isAll,
    isAdmin,
  }: { readonly actors: ReadonlyMap<number, string>; readonly isAll: boolean; readonly isAdmin: boolean },
): HTMLElement {
  if (versions.length === 0) return emptiness('No version yet.');
  const nowMs = Date.now();
  const shown = isAll ? versions : versions.slice(0, VERSIONS_SHOWN);
  const made = table<Version>('Versions: what each import changed', shown, [
    {
      head: 'Version',
      cell: ({ version, state }) =>
        make('span', { class: 'unbroken' }, `${version} `, make('span', { class: `tag ${STATE_KINDS[state]}` }, state)),
    },
    {
      head: 'Imported',
      cell: ({ version, importedAt }) => {
        const actor = actors.get(version);
        const by = actor === undefined ? null : make('small', { class: 'line' }, `by ${actorWords(actor)}`);
        return make('span', { title: age(importedAt, nowMs) }, time(importedAt), by);
      },
    },
    {
      head: 'From',
      cell: ({ origin, mode }) =>
        make('span', {}, origin ?? '–', make('small', { class: 'line' }, mode === 'add' ? 'added' : 'whole list')),
    },
    {
      head: 'Changed',
      cell: ({ added, removed, updated }) =>
        `+${count(added)} −${count(removed)}${updated > 0 ? `, ${count(updated)} updated` : ''}`,
    },
    { head: 'Left out', cell: leftOut },
    ...(isAdmin ? [{ head: 'Restore', cell: restoreButton }] : []),
  ]);
  for (const [at, row] of [...made.tBodies[0]!.rows].entries()) row.dataset.key = `version ${shown[at]!.version}`;
  const rest = versions.length - shown.length;
  return make(
    'div',
    {},
    made,
    rest > 0 ? make('p', { class: 'more' }, button('all versions', `Show ${count(rest)} more`)) : null,
  );
}

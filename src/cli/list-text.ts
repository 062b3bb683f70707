/** Terminal text of lists, versions and import reports. */
import { terminalField } from '../core/terminal.js';
import type { ListInfo } from '../core/vocabulary.js';
import type { ListHealth } from '../lists/list-health.js';
import type { SourceState } from '../lists/source-state.js';
import type { HeldRow, HoldRule, ImportReport, NearRow, VersionInfo } from '../store/lists-contract.js';
import { minuteOf, tableText } from './table.js';
import { fitted, wrapped } from './wrapped.js';

const RULES: Readonly<Record<HoldRule, string>> = {
  canary: 'entries match known harmless images',
  shape: 'PDQ hashes are one-dimensional, as of slides, forms and calendars',
  crowded: 'new entries match many others of the import, as images on one template do',
  change: 'entries added or removed',
  repeated_value: 'rows carry the same value',
  rejected: 'rows rejected',
  swallowed: 'rows swallowed the lines after them: a quote is not closed',
};

/** Rows shown of a rule that holds a version; the answer over HTTP has more. */
const ROWS_SHOWN = 10;

function nearText({ kind, line, shows, list, entryId }: NearRow): string {
  const named = entryId === null ? '' : `: ${terminalField(entryId)}`;
  if (kind === 'canary') return `${shows}, line ${line} of the canaries`;
  return kind === 'entry' ? `list ${list}${named}` : `line ${line}${named}`;
}

const rowText = ({ line, entryId, near }: HeldRow) =>
  `    line ${line}${entryId === null ? '' : `: ${terminalField(entryId)}`}${near ? ` (near ${nearText(near)})` : ''}\n`;

/** `importedAt`: of the version, so that the decision is on the one that is shown. */
function heldText({ list, held, importedAt }: Pick<ImportReport, 'list' | 'held'> & { importedAt?: string }): string {
  if (held.length === 0) return '';
  const reasons = held.map(
    ({ rule, count, limit, firstRows = [] }) =>
      `  ${count} ${RULES[rule]} (limit ${limit})\n${firstRows.slice(0, ROWS_SHOWN).map(rowText).join('')}`,
  );
  const seen = importedAt === undefined ? '' : ` --imported-at ${importedAt}`;
  const decide = `  zeef lists approve ${list}${seen}\n  zeef lists reject ${list}${seen}\n`;
  return `HELD, the active version is unchanged:\n${reasons.join('')}${decide}`;
}

export function reportText(report: ImportReport): string {
  const reasons = Object.entries(report.rejectedByReason).map(([reason, count]) => `  ${reason} ${count}\n`);
  const lines = report.firstRejected.slice(0, 10).map(({ line, reason }) => `  line ${line}: ${reason}\n`);
  const updated = report.updated > 0 ? `, ${report.updated} updated` : '';
  const separated = (report.separators ?? []).map((one) => `  columns are separated by ${JSON.stringify(one)}\n`);
  return (
    `${report.list}: version ${report.version}, ${report.accepted} entries, ${report.duplicates} duplicates, ` +
    `${report.rejected} rejected; ${report.added} added, ${report.removed} removed${updated}\n` +
    `${separated.join('')}${reasons.join('')}${lines.join('')}${heldText(report)}`
  );
}

const VERSION_HEADINGS = ['VERSION', 'STATE', 'IMPORTED', 'ADDED', 'REMOVED', 'REJECTED', 'ORIGIN'];

/** Return the versions of a list, and below them why one is held. */
export function versionsText(versions: readonly VersionInfo[], columns: number | null): string {
  // The whole time: it identifies a held version.
  const rows = versions.map(({ version, state, importedAt, added, removed, rejected, origin }) =>
    [version, state, importedAt, added, removed, rejected, origin ?? ''].map(String),
  );
  const held = versions.map((version) => heldText(version)).join('');
  return `${tableText(VERSION_HEADINGS, rows, columns)}${fitted(held, columns)}`;
}

const termsOf = ({ expiresAt, entryDaysMax, categoryMap, severityMap, tenant, bank, sampleRatio }: ListInfo) => [
  ...(tenant === null ? [] : [`of the tenant ${tenant}`]),
  ...(bank === null ? [] : [`bank ${bank}`]),
  ...(sampleRatio === 1 ? [] : [`counts in ${sampleRatio} of the checks`]),
  ...(expiresAt === null ? [] : [`expires ${expiresAt}`]),
  ...(entryDaysMax === null ? [] : [`entries match for ${entryDaysMax} days`]),
  ...Object.entries({ ...categoryMap, ...severityMap }).map(([from, to]) => `${from} is reported as ${to}`),
];

export function listText(info: ListInfo): string {
  const state = `${info.kind}, ${info.enabled ? 'enabled' : 'disabled'}, radius ${info.radiusBits}, detail ${info.detail}, version ${info.version}`;
  const entries = Object.entries(info.entriesByAlgorithm).map(([algorithm, count]) => `${algorithm} ${count}`);
  const facts = [state, `imported ${info.importedAt ?? 'never'}`, ...termsOf(info).map(terminalField)].join('; ');
  return `${info.list}: ${info.entryCount} entries (${entries.join(', ') || 'none'}); ${facts}\n`;
}

const LIST_HEADINGS = ['LIST', 'STATE', 'ENTRIES', 'VERSION', 'IMPORTED (UTC)', 'WHAT'];

/** Return lists, one a row. */
export function listsTable(lists: readonly ListHealth[], columns: number | null): string {
  const rows = lists.map((info) => {
    const { kind, radiusBits, detail, enabled, version, heldVersion, importedAt, entryCount, quarantinedCount } = info;
    const entries = Object.entries(info.entriesByAlgorithm).map(([algorithm, count]) => `${algorithm} ${count}`);
    const what = [
      `${kind}, radius ${radiusBits}, detail ${detail}`,
      ...(entries.length === 0 ? [] : [entries.join(', ')]),
      ...(quarantinedCount === 0 ? [] : [`${quarantinedCount} in quarantine or marked`]),
      ...termsOf(info),
    ];
    return [
      info.list,
      enabled ? 'enabled' : 'disabled',
      String(entryCount),
      heldVersion === null ? String(version) : `${version}, ${heldVersion} held`,
      importedAt === null ? 'never' : minuteOf(importedAt),
      what.join('; '),
    ];
  });
  return tableText(LIST_HEADINGS, rows, columns);
}

const FACT_COLUMNS = 12;

/** Return the source of a list, one fact a line; never a secret. */
export function sourceText(source: SourceState): string {
  const { list, type, url, user, secrets, members, privacyGroup, everyMinutes, state, pages, lastTry } = source;
  const { checkpoint, syncedAt, requestedAt, dueAt } = source;
  const named = secrets.map(({ role, variable }) => `${role} ${variable === null ? 'is sealed' : `in ${variable}`}`);
  const tried = lastTry && `${lastTry.outcome} ${lastTry.endedAt}${lastTry.why === null ? '' : `: ${lastTry.why}`}`;
  const facts: readonly (readonly [string, string | null])[] = [
    ['list', list],
    ['type', type],
    ['url', url],
    ['user', user],
    ['secrets', named.join(', ') || null],
    ['members', members.join(', ') || null],
    ['group', privacyGroup],
    ['every', everyMinutes === null ? 'on request only' : `${everyMinutes} minutes`],
    ['state', pages > 0 ? `${state}, ${pages} pages so far` : state],
    ['requested', requestedAt],
    ['last try', tried],
    ['synced', syncedAt ?? 'never'],
    ['checkpoint', checkpoint],
    ['due', dueAt],
  ];
  return facts
    .flatMap(([name, value]) => (value === null ? [] : [wrapped(name.padEnd(FACT_COLUMNS), terminalField(value))]))
    .join('');
}

/** Terminal text of lists, versions and import reports. */
import { terminalField } from '../core/terminal.js';
import type { ListInfo } from '../core/vocabulary.js';
import type { HoldRule, ImportReport, VersionInfo } from '../store/lists-contract.js';

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

const rowText = ({ line, entryId }: { readonly line: number; readonly entryId: string | null }) =>
  `    line ${line}${entryId === null ? '' : `: ${terminalField(entryId)}`}\n`;

function heldText({ list, held }: Pick<ImportReport, 'list' | 'held'>): string {
  if (held.length === 0) return '';
  const reasons = held.map(
    ({ rule, count, limit, firstRows = [] }) =>
      `  ${count} ${RULES[rule]} (limit ${limit})\n${firstRows.slice(0, ROWS_SHOWN).map(rowText).join('')}`,
  );
  return `HELD, the active version is unchanged:\n${reasons.join('')}  zeef lists approve ${list}, or zeef lists reject ${list}\n`;
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

export function versionText({
  version,
  state,
  importedAt,
  origin,
  added,
  removed,
  rejected,
  ...rest
}: VersionInfo): string {
  const words = `${version} ${state.padEnd(6)} ${importedAt} +${added} -${removed}, ${rejected} rejected, ${terminalField(origin ?? '')}`;
  return `${words.trimEnd()}\n${heldText(rest)}`;
}

export function listText(info: ListInfo): string {
  const state = `${info.kind}, ${info.enabled ? 'enabled' : 'disabled'}, radius ${info.radiusBits}, version ${info.version}`;
  const entries = Object.entries(info.entriesByAlgorithm).map(([algorithm, count]) => `${algorithm} ${count}`);
  const terms = [
    ...(info.expiresAt === null ? [] : [`expires ${info.expiresAt}`]),
    ...(info.entryDaysMax === null ? [] : [`entries match for ${info.entryDaysMax} days`]),
    ...Object.entries({ ...info.categoryMap, ...info.severityMap }).map(
      ([from, to]) => `${terminalField(from)} is reported as ${terminalField(to)}`,
    ),
  ];
  const facts = [state, `imported ${info.importedAt ?? 'never'}`, ...terms].join('; ');
  return `${info.list}: ${info.entryCount} entries (${entries.join(', ') || 'none'}); ${facts}\n`;
}

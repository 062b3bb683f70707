/** A list's feedback as a file for its publisher: CSV (RFC 4180, defused formulas) or JSON lines. */
import { csvOf } from '../../reports/csv.js';
import type { EntryFeedback } from './sum-feedback.js';

export const FEEDBACK_FORMATS = ['csv', 'jsonl'] as const;
export type FeedbackFormat = (typeof FEEDBACK_FORMATS)[number];

const COLUMNS = [
  'list',
  'entryId',
  'algorithm',
  'kind',
  'state',
  'confirmed',
  'falsePositive',
  'exact',
  'decidedAt',
  'verdict',
] as const satisfies readonly (keyof EntryFeedback)[];

export function feedbackText(rows: readonly EntryFeedback[], format: FeedbackFormat): string {
  // The columns are named, so that a field of another purpose gets into no file.
  const chosen = rows.map((row) => Object.fromEntries(COLUMNS.map((column) => [column, row[column]])));
  if (format === 'jsonl') return chosen.map((row) => `${JSON.stringify(row)}\n`).join('');
  return csvOf(chosen, [...COLUMNS]);
}

/** Export of a list. */
import { AppError } from '../core/errors.js';
import type { ListReader } from '../store/lists-contract.js';

export const EXCHANGE_FORMATS = ['jsonl', 'threatexchange-csv'] as const;
export type ExchangeFormat = (typeof EXCHANGE_FORMATS)[number];

/**
 * Return a list's lines for another installation. They contain its values: share them only with that recipient.
 * Errors  LIST_NOT_FOUND, STORE_FAILED.
 */
export async function* exchangeLines(lists: ListReader, list: string, format: ExchangeFormat): AsyncGenerator<string> {
  const info = await lists.list(list);
  if (!info) throw new AppError('LIST_NOT_FOUND', { list });
  if (info.version === 0) return;
  for await (const row of await lists.versionRows(list, info.version)) {
    if (!row.ok) continue;
    const { entry } = row;
    if (format === 'jsonl') yield `${JSON.stringify(entry)}\n`;
    else if (entry.algorithm === 'pdq') {
      const labels = entry.tags.map((tag) => tag.replace(/[\s,;|"]+/g, '_')).join(' ');
      yield `${entry.value},${entry.entryId.replace(/[",\s]/g, '_')},${entry.updatedAt ?? ''},${labels}\n`;
    }
  }
}

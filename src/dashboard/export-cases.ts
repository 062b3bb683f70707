/** The cases of the table's filters as a file: page by page, all of them or none. */
import { getCsvPage, type Query, refusalWords } from './api.js';
import { make } from './dom.js';
import { count } from './words.js';

/** Cases of one answer, and of a file: it is put together in the memory of the browser. */
const [PAGE, EXPORT_MAX] = [1_000, 50_000];

/** Save the cases that a query of `GET /v1/hits` finds. Result: what to say about it. */
export async function exportCases(query: Query, onProgress: (words: string) => void): Promise<string> {
  const parts: string[] = [];
  let cursor: string | null = null;
  for (let asked = 0; asked < EXPORT_MAX; asked += PAGE) {
    const answer = await getCsvPage('v1/hits', { ...query, format: 'csv', limit: PAGE, cursor });
    if (!answer.ok) return `Nothing was saved. ${refusalWords(answer)[0]}`;
    parts.push(answer.data.text);
    cursor = answer.data.cursor;
    if (cursor === null) break;
    onProgress(`${count(asked + PAGE)} cases are loaded…`);
  }
  const isCut = cursor !== null;
  const day = new Date().toISOString().slice(0, 10);
  const name = `zeef-cases-${day}${isCut ? `-first-${EXPORT_MAX}` : ''}.csv`;
  const address = URL.createObjectURL(new Blob(parts, { type: 'text/csv;charset=utf-8' }));
  make('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return isCut
    ? `Saved the first ${count(EXPORT_MAX)} cases only: there are more. Narrow the filters for the others.`
    : `Saved as ${name}.`;
}

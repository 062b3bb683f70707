/** Rows of held versions: what is approved is what was held. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { openHeldRows, sealHeldRows } from '../../src/store/lists/held-rows.js';
import { sealStream } from '../../src/vault/sealed-stream.js';
import { Vault } from '../../src/vault/vault.js';
import { entryRow, stream } from './lists-contract.js';

const vault = new Vault(() => [{ id: 1, key: randomBytes(32) }]);
const rows = ['line-1', 'line-2', 'x', ''].map((entryId, at) =>
  entryRow(at + 1, 'md5', String(at).repeat(32), { entryId }),
);

async function opened(sealed: AsyncIterable<Buffer>): Promise<ParsedRow[]> {
  const found: ParsedRow[] = [];
  for await (const row of openHeldRows(vault, sealed)) found.push(row);
  return found;
}

test('ids of the source stay, whatever they look like', async () => {
  expect(await opened(sealHeldRows(vault, { rows: stream(rows), count: rows.length }))).toEqual(rows);
});

test('ids that an earlier release made by the line are made anew', async () => {
  const text = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const ids = (await opened(sealStream(vault, [text]))).map((row) => row.ok && row.entry.entryId);
  expect(ids).toEqual(['', '', 'x', '']);
});

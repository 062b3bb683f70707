/** Rows of a version that waits for approval, as lines of JSON in a sealed stream. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';

/** Characters of rows that are written at once. */
const LINES_CHARS = 65_536;
/** The first line. Without it, the rows are of a version that made ids up by line: the store makes others. */
const IDS_OF_SOURCE = JSON.stringify({ ids: 'source' });
const ID_BY_LINE = /^line-\d+$/;

/** Seal rows. `count`: of those that were read before. Errors STORE_FAILED: at the end, where they are not as many. */
export async function* sealHeldRows(
  vault: Vault,
  { rows, count }: { readonly rows: AsyncIterable<ParsedRow>; readonly count: number },
): AsyncGenerator<Buffer> {
  let written = 0;
  async function* lines(): AsyncGenerator<Buffer> {
    let text = `${IDS_OF_SOURCE}\n`;
    for await (const row of rows) {
      written++;
      text += `${JSON.stringify(row)}\n`;
      if (text.length < LINES_CHARS) continue;
      yield Buffer.from(text);
      text = '';
    }
    yield Buffer.from(text);
  }
  yield* sealStream(vault, lines());
  if (written !== count) throw new AppError('STORE_FAILED', { why: 'the rows cannot be read again', written, count });
}

/** Errors SEALED_DAMAGED; those of `sealed`. */
export async function* openHeldRows(vault: Vault, sealed: AsyncIterable<Buffer>): AsyncGenerator<ParsedRow> {
  let areOfSource = false;
  for await (const line of createInterface({ input: Readable.from(openStream(vault, sealed)) })) {
    if (line === IDS_OF_SOURCE) {
      areOfSource = true;
      continue;
    }
    const row = JSON.parse(line) as ParsedRow;
    if (row.ok && !areOfSource && ID_BY_LINE.test(row.entry.entryId))
      yield { ok: true, line: row.line, entry: { ...row.entry, entryId: '' } };
    else yield row;
  }
}

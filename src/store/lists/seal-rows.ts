/** Rows of an import with their sealed values: a few are sealed here, many in threads while those before them are written. */
import { inBatches } from '../../core/batches.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { ALGORITHMS, type Entry, VALUE_BYTES } from '../../core/vocabulary.js';
import type { SealedBatch, SealedEntries, SealTask } from '../../vault/seal-worker.js';
import { MADE_ID_CHARS, VALUE_BYTES_SEALED, type Vault } from '../../vault/vault.js';
import { idOf } from './entry-names.js';
import { toAttributes } from './entry-row.js';
import { sealedAhead, VALUES_PER_BATCH } from './seal-pool.js';

export interface SealedValue {
  readonly value: Buffer;
  /** The id that is made of the value. */
  readonly madeId: string;
  /** As they are stored. */
  readonly attributes: string | null;
  /** Of the entry with them and its own id; null where it is to be computed. */
  readonly digest: Buffer | null;
}

export interface SealedRow {
  readonly row: ParsedRow;
  /** Null for a row that is refused. */
  readonly seal: SealedValue | null;
}

/** Errors  those of the rows. */
export async function* sealRows(vault: Vault, rows: AsyncIterable<ParsedRow>): AsyncGenerator<readonly SealedRow[]> {
  const batches = inBatches(rows, VALUES_PER_BATCH);
  const first = await batches.next();
  if (first.done) return;
  if (first.value.length < VALUES_PER_BATCH) {
    yield first.value.map((row) => ({ row, seal: row.ok ? sealOne(vault, row) : null }));
    return;
  }
  const { value } = first;
  async function* all() {
    yield value;
    yield* batches;
  }
  yield* sealedAhead(all(), (batch, run) => sealBatch(run, vault, batch));
}

type AcceptedRow = Extract<ParsedRow, { ok: true }>;

function sealOne(vault: Vault, { entry }: AcceptedRow): SealedValue {
  const label = ALGORITHMS.indexOf(entry.algorithm);
  const bytes = Buffer.from(entry.value, 'hex');
  const sealed = { value: vault.seal(label, bytes), madeId: vault.madeUpId(label, bytes) };
  return { ...sealed, attributes: toAttributes(entry), digest: null };
}

/** Most lists have no attributes, and many no ids: then there is less to copy to the thread. */
function entriesOf(vault: Vault, rows: readonly AcceptedRow[]): SealedEntries {
  const ids = rows.map(({ entry }) => idOf(vault, entry));
  const attributes = rows.map(({ entry }) => toAttributes(entry));
  return {
    ids: ids.some((id) => id !== '') ? ids : null,
    attributes: attributes.some((one) => one !== null) ? attributes : null,
  };
}

const DIGEST_BYTES = 32;

function hasNotes({ notes }: Pick<Entry, 'notes'>): boolean {
  for (const _ in notes) return true;
  return false;
}

async function sealBatch(
  run: (task: SealTask) => Promise<SealedBatch>,
  vault: Vault,
  rows: readonly ParsedRow[],
): Promise<readonly SealedRow[]> {
  const accepted = rows.filter((row): row is AcceptedRow => row.ok);
  const lengths = Uint16Array.from(accepted, ({ entry }) => VALUE_BYTES[entry.algorithm]);
  const task = {
    keys: vault.shared,
    labels: Uint8Array.from(accepted, ({ entry }) => ALGORITHMS.indexOf(entry.algorithm)),
    lengths,
    values: Buffer.from(accepted.map(({ entry }) => entry.value).join(''), 'hex'),
    areSealed: false,
    entries: entriesOf(vault, accepted),
  };
  const { sealed, ids, digests: all } = await run(task);
  const { attributes } = task.entries;
  const digests = Buffer.from(all.buffer, all.byteOffset, all.byteLength);
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  let at = 0;
  let from = 0;
  return rows.map((row) => {
    if (!row.ok) return { row, seal: null };
    const to = from + lengths[at]! + VALUE_BYTES_SEALED;
    const seal = {
      value: bytes.subarray(from, to),
      madeId: ids.slice(at * MADE_ID_CHARS, (at + 1) * MADE_ID_CHARS),
      attributes: attributes?.[at] ?? null,
      // The thread does not have the notes.
      digest: hasNotes(row.entry) ? null : digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES),
    };
    at++;
    from = to;
    return { row, seal };
  });
}

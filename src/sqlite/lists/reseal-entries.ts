/** Seals all values of the tables again, by another data key: those of entries in threads, since they are the most. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { resealNotes } from '../../store/lists/entry-row.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import { sealedAhead, VALUES_PER_BATCH } from '../../store/lists/seal-pool.js';
import type { SealedBatch, SealTask } from '../../vault/seal-worker.js';
import type { Vault } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { sound } from '../sums.js';
import { checksumOf, type HeldRow, sumOfEntry } from './checksum.js';
import { ENTRY } from './database.js';
import { IDENTITY_INDEX } from './entry-indexes.js';
import { retotalEntries } from './entry-table.js';

/**
 * Seal all values by the current key of `to`, inside the caller's transaction, and rebuild what is derived from them.
 * Errors  SEALED_DAMAGED; STORE_DAMAGED: a new sum would hide the damage of a row.
 */
export async function resealEntries(db: Sqlite, from: Vault, to: Vault): Promise<void> {
  db.exec('DROP INDEX IF EXISTS entry_identity');
  const checksums = new Map<number, ListChecksum>();
  const put = db.prepare('UPDATE entry SET value = ?, notes = ?, sum = ? WHERE id = ?');
  const batches = sealedAhead(entriesOf(db), async (rows, run) => ({ rows, values: await resealed(rows, to, run) }));
  for await (const { rows, values } of batches) {
    rows.forEach((row, at) => {
      const notes = row.notes === null ? null : resealNotes(from, to, row.notes);
      const after = { ...row, value: values[at]!, notes };
      put.run(after.value, notes, sumOfEntry(after), row.id);
      const checksum = checksums.get(row.list_id) ?? new ListChecksum();
      checksum.add(after);
      checksums.set(row.list_id, checksum);
    });
  }
  resealOthers(db, from, to);
  guarded(() => {
    retotalEntries(db);
    db.exec(IDENTITY_INDEX);
    const setChecksum = db.prepare('UPDATE list SET checksum = ? WHERE id = ?');
    for (const { id } of db.prepare<[], { id: number }>('SELECT id FROM list WHERE version > 0').all())
      setChecksum.run(checksums.get(id)?.toHex() ?? checksumOf(db, id), id);
  });
}

function* entriesOf(db: Sqlite): Generator<readonly HeldRow[]> {
  const read = db.prepare<[number, number], HeldRow>('SELECT * FROM entry WHERE id > ? ORDER BY id LIMIT ?');
  for (let after = 0; ; ) {
    const rows = guarded(() => read.all(after, VALUES_PER_BATCH));
    if (rows.length === 0) return;
    after = rows.at(-1)!.id;
    for (const row of rows) sound(ENTRY, row);
    yield rows;
  }
}

async function resealed(
  rows: readonly HeldRow[],
  to: Vault,
  run: (task: SealTask) => Promise<SealedBatch>,
): Promise<readonly Buffer[]> {
  const { sealed } = await run({
    keys: to.shared,
    labels: Uint8Array.from(rows, ({ algorithm }) => algorithm),
    lengths: Uint16Array.from(rows, ({ value }) => value.length),
    values: Buffer.concat(rows.map(({ value }) => value)),
    areSealed: true,
  });
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  let end = 0;
  return rows.map(({ value }) => {
    end += value.length;
    return bytes.subarray(end - value.length, end);
  });
}

/** Earlier forms of entries, and disabled ones: fewer than the entries. */
function resealOthers(db: Sqlite, from: Vault, to: Vault): void {
  db.function('zeef_reseal', (algorithm, value) =>
    to.seal(algorithm as number, from.open(algorithm as number, value as Buffer)),
  );
  db.function('zeef_reseal_notes', (notes) => resealNotes(from, to, notes as Buffer));
  guarded(() =>
    db.exec(
      `UPDATE past_entry SET value = zeef_reseal(algorithm, value),
         notes = CASE WHEN notes IS NULL THEN NULL ELSE zeef_reseal_notes(notes) END;
       UPDATE disabled_entry SET value = zeef_reseal(algorithm, value);`,
    ),
  );
}

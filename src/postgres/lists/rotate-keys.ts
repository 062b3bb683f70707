/** Key rotation in PostgreSQL: a new data key for all sealed values, in one transaction. */
import { randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import { resealNotes } from '../../store/lists/entry-row.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';
import { DATA_KEY_BYTES, DATA_KEYS_MAX, type DataKey, Vault, wrapDataKey } from '../../vault/vault.js';
import type { Database, Sql } from '../database.js';
import type { DataKeys } from './data-keys.js';
import { lockStore, raiseGeneration } from './generations.js';
import type { HeldRow } from './rows.js';
import { heldParts, putHeldParts } from './versions.js';

/** Rows that are sealed again at once: some twenty milliseconds. */
const ROWS_PER_BATCH = 1_000;

/** Tables with sealed values, and what names a row of them. `entry` first: its checksums are made again. */
const TABLES = [
  { table: 'entry', key: 'id' },
  { table: 'past_entry', key: 'number' },
] as const;

/**
 * Seal everything by a new data key, and the data keys by `newMaster`, or by the same master key. Earlier data keys stay, so that
 * older exports can be opened. Other processes learn the key with the generation. Errors LIST_KEY_WRONG, SEALED_DAMAGED, STORE_FAILED.
 */
export async function rotateKeys(
  database: Database,
  keys: DataKeys,
  master: MasterKeySource,
  newMaster: Uint8Array | null,
): Promise<{ readonly keyId: number }> {
  await keys.refresh();
  const id = keys.current + 1;
  if (id > DATA_KEYS_MAX) throw new AppError('STORE_FAILED', { why: 'data keys exhausted', most: DATA_KEYS_MAX });
  const made = { id, key: randomBytes(DATA_KEY_BYTES) };
  const all = [...keys.known, made];
  const wrapped = wrapDataKey(newMaster ?? master.read(), made);
  await database.writeOnce(async (sql) => {
    await sql('SELECT 1 FROM list ORDER BY id FOR UPDATE');
    await lockStore(sql);
    const [earlier] = await sql<{ wrapped: Buffer }>('SELECT wrapped FROM data_key WHERE id = $1', [id]);
    if (earlier?.wrapped.equals(wrapped)) return;
    if (earlier !== undefined)
      throw new AppError('STORE_FAILED', { why: 'another process has rotated the keys', keyId: id });
    await putKeys(sql, { known: keys.known, made, wrapped }, newMaster);
    const to = new Vault(() => all);
    const checksums = new Map<number, ListChecksum>();
    for (const { table, key } of TABLES) await resealTable(sql, { from: keys.vault, to }, table, key, checksums);
    await resealDisabled(sql, keys.vault, to);
    await resealHeld(sql, keys.vault, to);
    for (const [listId, checksum] of checksums)
      await sql('UPDATE list SET checksum = $2 WHERE id = $1', [listId, checksum.toHex()]);
    await sql('UPDATE list SET revision = revision + 1');
    await raiseGeneration(sql);
  });
  keys.adopt(all);
  return { keyId: id };
}

async function putKeys(
  sql: Sql,
  { known, made, wrapped }: { readonly known: readonly DataKey[]; readonly made: DataKey; readonly wrapped: Buffer },
  newMaster: Uint8Array | null,
): Promise<void> {
  if (newMaster !== null)
    for (const key of known)
      await sql('UPDATE data_key SET wrapped = $2 WHERE id = $1', [key.id, wrapDataKey(newMaster, key)]);
  await sql('INSERT INTO data_key (id, wrapped, created_at) VALUES ($1, $2, $3)', [
    made.id,
    wrapped,
    new Date().toISOString(),
  ]);
}

interface Vaults {
  readonly from: Vault;
  readonly to: Vault;
}

async function resealTable(
  sql: Sql,
  { from, to }: Vaults,
  table: 'entry' | 'past_entry',
  key: 'id' | 'number',
  checksums: Map<number, ListChecksum>,
): Promise<void> {
  for (let after = 0; ; ) {
    const rows = await sql<HeldRow & { readonly number: number }>(
      `SELECT * FROM ${table} WHERE ${key} > $1 ORDER BY ${key} LIMIT ${ROWS_PER_BATCH}`,
      [after],
    );
    if (rows.length === 0) return;
    after = rows.at(-1)![key];
    const sealed = rows.map((row) => ({
      ...row,
      value: to.seal(row.algorithm, from.open(row.algorithm, row.value)),
      notes: row.notes === null ? null : resealNotes(from, to, row.notes),
    }));
    await sql(
      `UPDATE ${table} SET value = changed.value, notes = changed.notes
       FROM unnest($1::int8[], $2::bytea[], $3::bytea[]) AS changed (key, value, notes) WHERE ${key} = changed.key`,
      [sealed.map((row) => row[key]), sealed.map(({ value }) => value), sealed.map(({ notes }) => notes)],
    );
    if (table === 'past_entry') continue;
    for (const row of sealed) {
      const checksum = checksums.get(row.list_id) ?? new ListChecksum();
      checksum.add(row);
      checksums.set(row.list_id, checksum);
    }
  }
}

async function resealDisabled(sql: Sql, from: Vault, to: Vault): Promise<void> {
  const rows = await sql<Pick<HeldRow, 'list_id' | 'algorithm' | 'value' | 'entry_id'>>('SELECT * FROM disabled_entry');
  for (const { list_id, algorithm, value, entry_id } of rows)
    await sql(
      'UPDATE disabled_entry SET value = $5 WHERE list_id = $1 AND algorithm = $2 AND value = $3 AND entry_id = $4',
      [list_id, algorithm, value, entry_id, to.seal(algorithm, from.open(algorithm, value))],
    );
}

/** Held rows get a new name with their new seal: their parts are others. */
async function resealHeld(sql: Sql, from: Vault, to: Vault): Promise<void> {
  const held = await sql<{ import: string }>('SELECT import FROM list_version WHERE is_held = 1');
  for (const { import: name } of held) {
    const renamed = `${name}+`;
    await putHeldParts(sql, renamed, sealStream(to, openStream(from, heldParts(sql, name))));
    await sql('DELETE FROM held_part WHERE import = $1', [name]);
    await sql('UPDATE list_version SET import = $2 WHERE import = $1', [name, renamed]);
  }
}

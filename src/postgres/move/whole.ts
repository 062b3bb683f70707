/** A whole store: the sums of its tables, and what its own checks say. */
import { createHash, type Hash } from 'node:crypto';
import type { AuditVerdict } from '../../store/audit-contract.js';
import type { LedgerCheck } from '../../store/ledger-contract.js';
import { COMPARED, type ComparedTable, type TableSum } from '../../store/move-contract.js';
import { sumOfRows } from '../../store/move-sum.js';
import type { Database, Sql } from '../database.js';
import { verify } from '../ledger/verify.js';
import type { DataKeys } from '../lists/data-keys.js';
import { PostgresLists } from '../lists/lists.js';
import { PostgresAudit } from '../service/audit.js';
import { read } from './ledger.js';
import { HELD_PARTS, sumSql } from './tables.js';

/** Of a mebibyte each. */
export const HELD_PARTS_PER_BATCH = 8;

export async function sumOfTable(sql: Sql, table: ComparedTable): Promise<TableSum> {
  if (table !== 'held') return sumOfRows(COMPARED[table], read<object>(sql, sumSql(table)));
  const digests = new Map<number, Hash>();
  const parts = read<{ list_id: number; bytes: Buffer }>(sql, HELD_PARTS, HELD_PARTS_PER_BATCH);
  for await (const { list_id, bytes } of parts) {
    const digest = digests.get(list_id) ?? createHash('sha256');
    digests.set(list_id, digest.update(bytes));
  }
  const held = [...digests].map(([list_id, digest]) => ({ list_id, sha256: digest.digest('hex') }));
  return sumOfRows(COMPARED.held, held);
}

interface Verified {
  /** What is not as it should be, one line each. */
  readonly lists: readonly string[];
  readonly audit: AuditVerdict;
  readonly ledger: LedgerCheck;
}

/** Verify all lists, the audit log and the ledger by their own checks. */
export async function verifyStore(database: Database, keys: DataKeys): Promise<Verified> {
  const problems: string[] = [];
  const lists = new PostgresLists(database, keys, ({ table, row }) => problems.push(`${table}: row ${row} is damaged`));
  for (const { list } of await lists.lists())
    if (!(await lists.verify(list)).ok) problems.push(`list: ${JSON.stringify(list)} is not as imported`);
  return {
    lists: problems,
    audit: await new PostgresAudit(database).verify(),
    ledger: await database.readLong(verify),
  };
}

/** The audit log in PostgreSQL: one chain of all processes, whose head each append locks until its commit. */
import { AUDIT_START, auditHash, detailsText, storable } from '../../store/audit-chain.js';
import type {
  AuditEvent,
  AuditHead,
  AuditPage,
  AuditRow,
  AuditStore,
  AuditVerdict,
} from '../../store/audit-contract.js';
import { type StoredAuditRow, toAuditRow } from '../../store/audit-rows.js';
import type { Database, Sql } from '../database.js';

/** A few milliseconds of hashing, then yield to requests. */
const ROWS_PER_BATCH = 2_000;

const HEAD = 'SELECT seq, hash FROM audit_head WHERE id = 1';

async function headOf(sql: Sql, lock: '' | ' FOR UPDATE'): Promise<AuditHead> {
  const [head] = await sql<AuditHead>(HEAD + lock);
  return head ?? AUDIT_START;
}

export class PostgresAudit implements AuditStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** An append whose connection is lost at its commit is looked for under the lock of the head, and not repeated if it is there. */
  append(event: AuditEvent): Promise<AuditRow> {
    const { at, actor, action, tenant, target, outcome, ends } = storable(event);
    const details = detailsText(event.details);
    let sent: AuditHead | null = null;
    return this.#database.forAll().writeOnce(async (sql) => {
      const before = await headOf(sql, ' FOR UPDATE');
      if (sent) {
        const [row] = await sql<StoredAuditRow>('SELECT * FROM audit WHERE seq = $1 AND hash = $2', [
          sent.seq,
          sent.hash,
        ]);
        if (row) return toAuditRow(row);
      }
      const seq = before.seq + 1;
      const hash = auditHash(before, { at, actor, action, tenant, target, details, outcome, ends });
      await sql(
        `INSERT INTO audit (seq, at, actor, action, tenant, target, details, hash, outcome, ends)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [seq, at, actor, action, tenant, target, details, hash, outcome, ends],
      );
      await sql(
        `INSERT INTO audit_head (id, seq, hash) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash`,
        [seq, hash],
      );
      sent = { seq, hash };
      return toAuditRow({ seq, at, actor, action, tenant, target, details, hash, outcome, ends });
    });
  }

  async page({ tenant, before, limit, all = false }: AuditPage): Promise<readonly AuditRow[]> {
    const rows = await this.#database.forFilter(tenant).read<StoredAuditRow>(
      `SELECT * FROM audit WHERE ($1::text IS NULL OR tenant = $1) AND seq < $2
         AND ($3 OR outcome IS DISTINCT FROM 'begun' OR NOT EXISTS (SELECT 1 FROM audit AS later WHERE later.ends = audit.seq))
       ORDER BY seq DESC LIMIT $4`,
      [tenant, before ?? Number.MAX_SAFE_INTEGER, all, limit],
    );
    return rows.map(toAuditRow);
  }

  /** On one state of the log: a row after its head is forged. */
  verify(known: AuditHead = AUDIT_START): Promise<AuditVerdict> {
    return this.#database.forAll().readLong(async (sql) => {
      const head = await headOf(sql, '');
      let at = AUDIT_START;
      const verdict = (brokenAt: number | null): AuditVerdict => ({
        ok: brokenAt === null,
        rows: at.seq,
        head,
        brokenAt,
      });
      const isKnown = () => at.seq !== known.seq || at.hash === known.hash;
      if (!isKnown()) return verdict(at.seq);
      for (;;) {
        const batch = await sql<StoredAuditRow>('SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2', [
          at.seq,
          ROWS_PER_BATCH,
        ]);
        if (batch.length === 0) break;
        for (const row of batch) {
          if (row.seq !== at.seq + 1 || row.seq > head.seq || auditHash(at, row) !== row.hash)
            return verdict(at.seq + 1);
          at = { seq: row.seq, hash: row.hash };
          if (!isKnown()) return verdict(at.seq);
        }
      }
      if (at.seq !== head.seq || at.hash !== head.hash) return verdict(at.seq + 1);
      return verdict(known.seq > head.seq ? head.seq + 1 : null);
    });
  }
}

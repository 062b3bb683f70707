/** The audit log in SQLite: rows are appended, and the head is stored separately. */

import type { Sqlite } from '../../core/sqlite-binding.js';
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
import { writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';

/** A few milliseconds of hashing, then yield to requests. */
const ROWS_PER_BATCH = 2_000;

export class SqliteAudit implements AuditStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  append(event: AuditEvent): Promise<AuditRow> {
    return writeWithRetry(this.#db, () => this.appendNow(event));
  }

  /** The same inside the caller's transaction. */
  appendNow(wanted: AuditEvent): AuditRow {
    const event = storable(wanted);
    const before = this.#head();
    const details = detailsText(event.details);
    const hash = auditHash(before, { ...event, details });
    const seq = before.seq + 1;
    const { at, actor, action, tenant, target, outcome, ends } = event;
    this.#db
      .prepare(
        `INSERT INTO audit (seq, at, actor, action, tenant, target, details, hash, outcome, ends)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(seq, at, actor, action, tenant, target, details, hash, outcome, ends);
    this.#db.prepare('INSERT OR REPLACE INTO audit_head (id, seq, hash) VALUES (1, ?, ?)').run(seq, hash);
    return toAuditRow({ seq, at, actor, action, tenant, target, details, hash, outcome, ends });
  }

  async page({ tenant, before, limit, all = false }: AuditPage): Promise<readonly AuditRow[]> {
    return guarded(() =>
      this.#db
        .prepare<[string | null, string | null, number, number, number], StoredAuditRow>(
          `SELECT * FROM audit WHERE (? IS NULL OR tenant = ?) AND seq < ?
             AND (? OR outcome IS NOT 'begun' OR NOT EXISTS (SELECT 1 FROM audit AS later WHERE later.ends = audit.seq))
           ORDER BY seq DESC LIMIT ?`,
        )
        .all(tenant, tenant, before ?? Number.MAX_SAFE_INTEGER, all ? 1 : 0, limit)
        .map(toAuditRow),
    );
  }

  async verify(known: AuditHead = AUDIT_START): Promise<AuditVerdict> {
    const head = guarded(() => this.#head());
    const read = this.#db.prepare<[number, number, number], StoredAuditRow>(
      'SELECT * FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
    );
    let at = AUDIT_START;
    let rows = 0;
    const broken = (brokenAt: number): AuditVerdict => ({ ok: false, rows, head, brokenAt });
    for (;;) {
      if (at.seq === known.seq && at.hash !== known.hash) return broken(at.seq);
      const batch = guarded(() => read.all(at.seq, head.seq, ROWS_PER_BATCH));
      if (batch.length === 0) break;
      for (const row of batch) {
        if (row.seq !== at.seq + 1 || auditHash(at, row) !== row.hash) return broken(at.seq + 1);
        at = { seq: row.seq, hash: row.hash };
        rows++;
        if (at.seq === known.seq && at.hash !== known.hash) return broken(at.seq);
      }
      await new Promise(setImmediate);
    }
    if (at.seq !== head.seq || at.hash !== head.hash) return broken(at.seq + 1);
    if (known.seq > head.seq) return broken(head.seq + 1);
    // Rows after the head were either appended meanwhile, which moved it, or forged.
    const last = guarded(() =>
      this.#db.transaction(() => ({
        head: this.#head().seq,
        rows: this.#db.prepare<[], { last: number | null }>('SELECT max(seq) AS last FROM audit').get()?.last ?? 0,
      }))(),
    );
    return last.head === last.rows ? { ok: true, rows, head, brokenAt: null } : broken(head.seq + 1);
  }

  #head(): AuditHead {
    return this.#db.prepare<[], AuditHead>('SELECT seq, hash FROM audit_head WHERE id = 1').get() ?? AUDIT_START;
  }
}

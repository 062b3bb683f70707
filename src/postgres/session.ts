/** What each connection sets and requires before it is used. */
import type { ClientBase } from 'pg';
import { AppError } from '../core/errors.js';
import { newId } from '../core/new-id.js';

/** The oldest version that the statements and the tests cover. */
const SERVER_VERSION_MIN = 150_000;

/** Longer than any statement of a request; a report sets its own. */
export const STATEMENT_MS_MAX = 8_000;
/** A transaction waits this long for the row of another one, and is then repeated. */
const LOCK_MS_MAX = 2_000;
/** A transaction sends its next statement at once, so one that is idle has lost its process. */
const IDLE_IN_TRANSACTION_MS_MAX = 10_000;

/** Why a standby is refused. */
export const STANDBY = 'the server is a standby, or read-only';

/** Settings of a connection, as the server reports them. */
interface Session {
  readonly version: number;
  readonly isStandby: boolean;
  readonly readOnly: string;
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly standbyNames: string;
  readonly encoding: string;
  /** The mark of the connection that prepared it last; empty: of none. */
  readonly mark: string;
}

/**
 * A setting of the session, by which a connection knows its own. A pooler in transaction mode lends one session to many: what a connection sets is
 * then set for others, and its next transaction runs where nothing of it is set.
 */
const MARK = 'zeef.connection';
/** Why such a session is refused. */
const LENT =
  'a pooler lends its sessions to several clients: it needs session mode, and to reset a session between them';

/** `remote_apply` promises more than `on`, and is kept; all else is less, or as much. */
const SET = `SELECT set_config('synchronous_commit',
    CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
  set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
  set_config('idle_in_transaction_session_timeout', $3, false), set_config('${MARK}', $4, false)`;

const READ = `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS "isStandby",
  current_setting('transaction_read_only') AS "readOnly", current_setting('fsync') AS fsync,
  current_setting('synchronous_commit') AS "synchronousCommit",
  current_setting('synchronous_standby_names') AS "standbyNames", current_setting('server_encoding') AS encoding,
  coalesce(current_setting('${MARK}', true), '') AS mark`;

/** Return why a session cannot hold what Zeef promises, or null. Read back: a pooler may ignore what was set. */
export function refusalOf(session: Session): string | null {
  if (session.version < SERVER_VERSION_MIN) return `PostgreSQL ${session.version / 10_000} is older than 15`;
  if (session.encoding !== 'UTF8') return `the encoding of the database is ${session.encoding}, not UTF8`;
  if (session.isStandby || session.readOnly !== 'off') return STANDBY;
  if (session.fsync !== 'on') return 'fsync=off: the server may lose what it has committed';
  if (session.synchronousCommit === 'off') return 'synchronous_commit=off: the server may lose what it has committed';
  if (session.standbyNames !== '' && session.synchronousCommit === 'local')
    return 'synchronous_commit=local: a commit does not wait for the synchronous standbys';
  return null;
}

/** Prepare a new connection. Errors STORE_FAILED: the server is not fit, or the session is not the connection's own; those of the driver. */
export async function prepareSession(client: ClientBase): Promise<void> {
  // A server that ends a session between two statements must not end this process: the next statement reports it.
  client.on('error', () => {});
  const read = async () => (await client.query<Session>(READ)).rows[0]!;
  const { mark: markBefore } = await read();
  const mark = newId();
  await client.query(SET, [...[STATEMENT_MS_MAX, LOCK_MS_MAX, IDLE_IN_TRANSACTION_MS_MAX].map(String), mark]);
  const session = await read();
  const isLent = markBefore !== '' || session.mark !== mark;
  const why = refusalOf(session) ?? (isLent ? LENT : null);
  if (why !== null) throw new AppError('STORE_FAILED', { why });
}

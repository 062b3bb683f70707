/** Translation of the driver's and the server's errors: they name values, which no log may contain. */
import { AppError } from '../core/errors.js';

/** What an error of the server or of the driver says, as far as it contains no value. */
interface DriverError {
  readonly message: string;
  /** A SQLSTATE of the server (PostgreSQL, appendix A), or a code of the system such as ECONNREFUSED. */
  readonly code?: string;
  readonly severity?: string;
  readonly table?: string;
  readonly constraint?: string;
}

/** Raised where a store that was moved away is changed (`move/mark.ts`). */
export const MOVED_STATE = 'ZM001';

/** Classes of SQLSTATE whose messages quote values: data exceptions, violated constraints, raised by a function. */
const QUOTES_VALUES = /^(22|23|44|P0)/;

const isOfServer = (error: DriverError) => error.severity !== undefined && error.code !== undefined;

function whyOf(error: DriverError): string {
  if (!isOfServer(error)) return error.code === undefined ? error.message : `${error.code}: ${error.message}`;
  const parts = [`SQLSTATE ${error.code}`];
  if (!QUOTES_VALUES.test(error.code!)) parts.push(error.message);
  if (error.table) parts.push(`table ${error.table}`);
  if (error.constraint) parts.push(`constraint ${error.constraint}`);
  return parts.join(', ');
}

/**
 * Run one access to PostgreSQL. Errors: an AppError passes, all else becomes STORE_FAILED. It has no `cause`: that would
 * carry the rows and statements of the server's message into a log.
 */
export async function guarded<T>(access: () => Promise<T>): Promise<T> {
  try {
    return await access();
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (sqlStateOf(error) === MOVED_STATE) throw new AppError('STORE_MOVED', { why: 'while this process ran' });
    const known = error instanceof Error ? (error as DriverError) : { message: 'unknown error' };
    throw new AppError('STORE_FAILED', { why: whyOf(known) });
  }
}

const sqlStateOf = (error: unknown) => {
  const known = error as DriverError;
  return error instanceof Error && isOfServer(known) ? known.code! : null;
};

const DEADLOCK = '40P01';
/** Another transaction was in the way; this one was rolled back: serialization, deadlock, lock timeout. */
const IN_THE_WAY = ['40001', DEADLOCK, '55P03'];
/** The server is a standby, or has become one. */
const READ_ONLY = '25006';
/** The server ends or is starting, or the connection is lost: classes 08 and 57P. */
const LOST = /^(08|57P0)/;

export const isReadOnly = (error: unknown): boolean => sqlStateOf(error) === READ_ONLY;
export const isDeadlock = (error: unknown): boolean => sqlStateOf(error) === DEADLOCK;
export const isInTheWay = (error: unknown): boolean => IN_THE_WAY.includes(sqlStateOf(error) ?? '');

/**
 * Return whether the connection that failed is of no further use, or its server is. The driver and the system throw plain
 * errors, or have a code; errors of other classes are faults of the caller.
 */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof AppError) return false;
  const state = sqlStateOf(error);
  if (state !== null) return state === READ_ONLY || LOST.test(state);
  return error.constructor === Error || 'code' in error;
}

/**
 * Log: one JSON line per event, on stderr. Never image bytes, a key or a hash of a list.
 */
import { destination, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Fields that could carry a secret: removed wherever a caller passes them. */
const REDACTED_FIELDS = ['authorization', 'key', 'hash', 'value', 'pdq', 'digests', 'headers.authorization'];

export function createLogger(level: string): Logger {
  const paths = REDACTED_FIELDS.flatMap((field) => [field, `*.${field}`]);
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, remove: true } },
    destination({ fd: 2, sync: false }),
  );
}

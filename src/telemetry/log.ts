/**
 * Log: one JSON line per event, on stderr. Never image bytes, a key or a hash of a list. Names and other texts from outside are in it:
 * what could control the terminal of its reader, or reorder a line, is escaped.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { terminalText } from '../core/terminal.js';

export type { Logger } from 'pino';

/** Fields that could carry a secret: removed wherever a caller passes them. */
const REDACTED_FIELDS = ['authorization', 'key', 'hash', 'value', 'pdq', 'digests', 'headers.authorization'];

/** `stream`: stderr by default. */
export function createLogger(level: string, stream: DestinationStream = destination({ fd: 2, sync: false })): Logger {
  const paths = REDACTED_FIELDS.flatMap((field) => [field, `*.${field}`]);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths, remove: true },
      hooks: { streamWrite: terminalText },
    },
    stream,
  );
}

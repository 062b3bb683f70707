/**
 * Log: one JSON line per event, on stderr. Never image bytes, a key or a hash of a list. Names and other texts from outside are in it:
 * what could control the terminal of its reader, or reorder a line, is escaped.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { terminalText } from '../core/terminal.js';

export type { Logger } from 'pino';

/** Fields that could carry a secret: removed wherever a caller passes them. */
const REDACTED_FIELDS = ['authorization', 'key', 'hash', 'value', 'pdq', 'digests', 'headers.authorization'];

/**
 * Lines are written together once they are this long, in bytes, or after this time. A write wakes a thread, which costs as much as ten
 * small requests.
 */
const GATHERED_BYTES = 65_536;
const GATHER_MS = 50;

/** Return stderr. The end of the process writes what is held; a kill loses the lines of the last moments. */
function gatheredStderr(): DestinationStream & { flushSync(): void } {
  const stream = destination({
    fd: 2,
    sync: false,
    minLength: GATHERED_BYTES,
    maxWrite: 2 * GATHERED_BYTES,
    // As text, each line would measure all that is held.
    contentMode: 'buffer',
  });
  let isDue = false;
  const flush = () => {
    isDue = false;
    stream.flush();
  };
  return {
    write(line) {
      // Its type knows text alone.
      stream.write(Buffer.from(line) as never);
      if (!isDue) setTimeout(flush, GATHER_MS).unref();
      isDue = true;
    },
    // Of a fatal line.
    flushSync: () => stream.flushSync(),
  };
}

/** `stream`: stderr by default. */
export function createLogger(level: string, stream: DestinationStream = gatheredStderr()): Logger {
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

/** Return the same log for lines whose fields can hold no secret: looking for one costs more than writing the line. */
export const withoutRedaction = (log: Logger): Logger => log.child({}, { redact: [] });

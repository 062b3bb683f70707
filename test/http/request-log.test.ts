import { expect, test } from 'vitest';
import { requestLog } from '../../src/http/request-log.js';
import { createLogger, withoutRedaction } from '../../src/telemetry/log.js';

const METHODS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

function logged() {
  const lines: string[] = [];
  const log = createLogger('trace', { write: (line) => void lines.push(line) });
  return { log, read: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('every line of a request carries its id, and so do those of its children; a secret is removed', () => {
  const { log, read } = logged();
  const ofRequest = requestLog(log, { reqId: 'r1' });
  for (const method of METHODS) ofRequest[method]({ key: 'secret', path: '/x' }, method);
  ofRequest.child({ part: 2 }).info('child');
  ofRequest.silent('nothing');
  expect(ofRequest.level).toBe('trace');
  const lines = read();
  expect(lines.map(({ msg }) => msg)).toEqual([...METHODS, 'child']);
  expect(lines.every(({ reqId, key }) => reqId === 'r1' && key === undefined)).toBe(true);
  expect(lines.at(-1)).toMatchObject({ part: 2 });
});

test('a log without redaction is the same log: its level, its place, its escapes', () => {
  const { log, read } = logged();
  withoutRedaction(log).info({ key: 'kept', route: 'a\u202eb' }, 'answered');
  expect(read()).toMatchObject([{ level: 30, key: 'kept', route: 'a\u202eb', msg: 'answered' }]);
});

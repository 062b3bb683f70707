/** Lines of the log: texts from outside cannot control the terminal that shows them. */
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { AppError } from '../../src/core/errors.js';
import { createLogger } from '../../src/telemetry/log.js';
import { serve } from '../support/processes.js';

const HOSTILE = 'a\u202egpj.\u2066b\u0085c\u009b2Jd\u007f\u001b[31m\u{e0041}\ufeff\n\te';
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be written.
const RAW = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ufeff]|\udb40/;

test('control and bidirectional characters are escaped, in names, keys, messages and errors, and mean the same', () => {
  const lines: string[] = [];
  const log = createLogger('info', { write: (line) => void lines.push(line) });
  log.info({ path: HOSTILE, [HOSTILE]: 1 }, HOSTILE);
  log.child({ list: HOSTILE }).error({ err: new AppError('REQUEST_INVALID', { field: HOSTILE }) }, 'failed');
  expect(lines.join('')).not.toMatch(RAW);
  const [line, failed] = lines.map((one) => JSON.parse(one));
  expect(line).toMatchObject({ path: HOSTILE, [HOSTILE]: 1, msg: HOSTILE });
  expect(failed).toMatchObject({ list: HOSTILE, err: { details: { field: HOSTILE } } });
});

test('lines of a service arrive in moments, in order, and at its end at once', { timeout: 60_000 }, async () => {
  const service = await serve({ ZEEF_DATA_DIR: tempFolder('log-data') });
  const asked = async (from: number, to: number) => {
    for (let n = from; n < to; n++) expect((await fetch(`${service.url}/v1/stats?tenant=t${n}`)).status).toBe(200);
  };
  const linesOf = () =>
    service
      .output()
      .toString()
      .trim()
      .split('\n')
      .filter((line) => line.includes('"answered"'));
  await asked(0, 100);
  await expect.poll(() => linesOf().length, { timeout: 20_000 }).toBe(100);
  await asked(100, 103);
  await service.end('SIGTERM');
  await expect.poll(() => linesOf().length, { timeout: 20_000 }).toBe(103);
  const times = linesOf().map((line) => Date.parse(JSON.parse(line).time));
  expect([...times].sort((a, b) => a - b)).toEqual(times);
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KNOBS } from '../../src/config/knobs.js';
import { ERRORS } from '../../src/core/errors.js';
import { IMAGE_FORMATS, NOT_CHECKED_REASONS } from '../../src/core/vocabulary.js';
import { DECODED_FORMATS } from '../../src/decode/decode.js';
import { METRICS } from '../../src/telemetry/metrics.js';

/** Rows of a page's table whose first cell is a code word, cell by cell. */
function rowsOf(page: string): string[][] {
  return [...readFileSync(page, 'utf8').matchAll(/^\| `(\w+)` *\|(.*)\|$/gm)].map(([, first, rest]) => [
    first!,
    ...rest!.split('|').map((cell) => cell.trim()),
  ]);
}

test('docs/errors.md lists exactly the codes that we can answer with', () => {
  expect(rowsOf('docs/errors.md')).toEqual(
    Object.entries(ERRORS).map(([code, { http, retry, says }]) => [code, String(http), retry ? 'yes' : 'no', says]),
  );
});

test('docs/configuration.md lists exactly the knobs that there are', () => {
  expect(rowsOf('docs/configuration.md')).toEqual(
    Object.entries(KNOBS).map(([name, knob]) => [
      name,
      `\`${knob.env}\``,
      knob.unit,
      name === 'workers' ? 'number of processors' : String(knob.default) || 'none',
      knob.range,
      knob.why,
    ]),
  );
});

test('docs/metrics.md lists exactly the metrics that there are', () => {
  expect(rowsOf('docs/metrics.md')).toEqual(
    Object.entries(METRICS).map(([name, { kind, labels, says }]) => [name, kind, labels.join(', ') || 'none', says]),
  );
});

test('docs/formats.md names every format, and decoded exactly where it is', () => {
  const rows = rowsOf('docs/formats.md').filter(([name]) => IMAGE_FORMATS.includes(name as never));
  expect(rows.map(([name]) => name)).toEqual([...IMAGE_FORMATS]);
  for (const [name, decoder] of rows) {
    expect(decoder === 'none', name).toBe(!DECODED_FORMATS.has(name as never));
  }
  const reasons = rowsOf('docs/formats.md')
    .map(([name]) => name!)
    .filter((name) => NOT_CHECKED_REASONS.includes(name as never));
  expect(reasons).toEqual([...NOT_CHECKED_REASONS]);
});

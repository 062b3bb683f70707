import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KNOBS, OTHER_VARIABLES } from '../../src/config/knobs.js';
import { readConfig } from '../../src/config/read-config.js';
import { ERRORS } from '../../src/core/errors.js';
import { FRAMES_DEFAULT } from '../../src/core/limits.js';
import { BACKGROUNDS, FRAMED_FORMATS, IMAGE_FORMATS, NOT_CHECKED_REASONS, PARTS } from '../../src/core/vocabulary.js';
import { DECODED_FORMATS } from '../../src/decode/sniff.js';
import { METRICS } from '../../src/telemetry/metrics.js';

/** Return the rows of a page's tables whose first cell is a code word, cell by cell. */
function rowsOf(page: string): string[][] {
  return [...readFileSync(page, 'utf8').matchAll(/^\| `(\w+)` *\|(.*)\|$/gm)].map(([, first, rest]) => [
    first!,
    ...rest!.split('|').map((cell) => cell.trim()),
  ]);
}

test('docs/errors.md lists exactly the error codes, with what to do', () => {
  const rows = rowsOf('docs/errors.md');
  expect(rows.map((row) => row.slice(0, 4))).toEqual(
    Object.entries(ERRORS).map(([code, { http, retry, says }]) => [code, String(http), retry ? 'yes' : 'no', says]),
  );
  for (const [code, , , says, whatToDo] of rows) {
    expect(says!.split(' ').length, `${code}: at most 12 words`).toBeLessThanOrEqual(12);
    expect(whatToDo, `${code}: what to do`).toMatch(/^\S.*\.$/);
  }
});

test('docs/configuration.md lists exactly the knobs and the other variables', () => {
  const isVariable = ([name]: string[]) => name!.startsWith('ZEEF_');
  const rows = rowsOf('docs/configuration.md');
  expect(rows.filter(isVariable)).toEqual(Object.entries(OTHER_VARIABLES));
  expect(rows.filter((row) => !isVariable(row))).toEqual(
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

test('every ZEEF_* name in the sources and pages is accepted in the environment', () => {
  const inside = (folder: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));
  const files = ['src', 'bench', 'scripts', 'docs'].flatMap(inside).filter((file) => /\.(ts|mjs|md)$/.test(file));
  const texts = [...files, 'README.md', 'hashlists/README.md', 'Dockerfile'].map((file) => readFileSync(file, 'utf8'));
  const names = new Set(texts.flatMap((text) => text.match(/\bZEEF_[A-Z0-9_]*[A-Z0-9]\b/g) ?? []));
  expect(names.size).toBeGreaterThan(Object.keys(KNOBS).length);
  for (const name of names) {
    const knob = Object.values(KNOBS).find(({ env }) => env === name);
    expect(() => readConfig({ env: { [name]: String(knob?.default ?? 'any') } }), name).not.toThrow();
  }
});

test('docs/metrics.md lists exactly the metrics', () => {
  expect(rowsOf('docs/metrics.md')).toEqual(
    Object.entries(METRICS).map(([name, { kind, labels, says }]) => [
      name,
      kind,
      Object.keys(labels).join(', ') || 'none',
      says,
    ]),
  );
});

test('docs/formats.md lists every format, whether it is decoded, and every reason', () => {
  const rows = rowsOf('docs/formats.md').filter(([name]) => IMAGE_FORMATS.includes(name as never));
  expect(rows.map(([name]) => name)).toEqual([...IMAGE_FORMATS]);
  for (const [name, decoder, outcome, frames] of rows) {
    expect(decoder === 'none', name).toBe(!DECODED_FORMATS.has(name as never));
    expect(outcome!.startsWith('`unsupported_format`'), name).toBe(decoder === 'none');
    expect(frames === 'yes', name).toBe(FRAMED_FORMATS.has(name as never));
  }
  const text = readFileSync('docs/formats.md', 'utf8');
  expect(text).toContain(`${FRAMES_DEFAULT} are hashed by default`);
  for (const name of [...BACKGROUNDS, ...PARTS]) expect(text, name).toContain(`\`${name}\``);
  const reasons = rowsOf('docs/formats.md')
    .map(([name]) => name!)
    .filter((name) => NOT_CHECKED_REASONS.includes(name as never));
  expect(reasons).toEqual([...NOT_CHECKED_REASONS]);
});

test('docs/threat-model.md: each attack that was tried names tests that exist', () => {
  const [, tried = ''] = readFileSync('docs/threat-model.md', 'utf8').split('## Attacks that were tried');
  const rows = [...tried.matchAll(/^\| (?!---|attack )(.*) \| (.*) \| (.*) \|$/gm)];
  expect(rows.length).toBeGreaterThan(30);
  for (const [, attack, , tests] of rows) {
    const names = [...tests!.matchAll(/`(test\/[\w/-]+\.test\.ts)`/g)].map(([, name]) => name!);
    expect(names, attack).not.toHaveLength(0);
    for (const name of names) expect(existsSync(name), `${attack}: ${name}`).toBe(true);
  }
});

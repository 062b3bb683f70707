import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/package-root.js';
import { REJECT_REASONS } from '../../src/core/parsed-row.js';
import { type Algorithm, type Entry, VALUE_BYTES } from '../../src/core/vocabulary.js';
import { HASHLIST_FORMATS, parseHashList } from '../../src/hashlists/importers.js';

const read = (name: string) => readFileSync(join(PACKAGE_ROOT, 'hashlists', name), 'utf8');
const isEntry = new Ajv({ allErrors: true }).compile(JSON.parse(read('entry.schema.json')));

const text = fc.option(fc.string({ minLength: 1 }).filter((said) => said.trim() === said && said !== '0'));
/** `7` has three bits set and `1` one: 32 of each make a PDQ hash of weight 128. */
const madeValue = (algorithm: Algorithm) => '71'.repeat(VALUE_BYTES[algorithm] - 1).concat('17');
const entries: fc.Arbitrary<Omit<Entry, 'list'>> = fc.record({
  entryId: fc.string({ minLength: 1 }).filter((id) => id.trim() === id),
  algorithm: fc.constantFrom<Algorithm[]>('md5', 'sha1', 'sha256', 'pdq', 'blockhash', 'photodna'),
  value: fc.constant(''),
  category: text,
  severity: text,
  source: text,
  mediaType: text,
  status: fc.constant('active' as const),
  updatedAt: text,
  tags: fc.array(fc.string()),
  notes: fc.constant({}),
});

test('an entry that fits the schema is read from JSON lines as it was', async () => {
  await fc.assert(
    fc.asyncProperty(entries, async (drawn) => {
      const entry = { ...drawn, value: madeValue(drawn.algorithm) };
      expect(isEntry(entry), JSON.stringify(isEntry.errors)).toBe(true);
      const source = (async function* () {
        yield Buffer.from(JSON.stringify(entry));
      })();
      const rows = [];
      for await (const row of parseHashList('jsonl', { bytes: source, kind: 'match' })) rows.push(row);
      expect(rows).toEqual([{ ok: true, line: 1, entry }]);
    }),
  );
});

test.each<[string, object]>([
  ['no value', { entryId: 'e', algorithm: 'md5' }],
  ['a digit too few', { entryId: 'e', algorithm: 'md5', value: 'a'.repeat(31) }],
  ['a digit too many', { entryId: 'e', algorithm: 'pdq', value: 'a'.repeat(65) }],
  ['upper case', { entryId: 'e', algorithm: 'md5', value: 'A'.repeat(32) }],
  ['an unknown algorithm', { entryId: 'e', algorithm: 'crc32', value: 'a'.repeat(8) }],
])('the schema refuses %s', (_name, entry) => {
  expect(isEntry(entry)).toBe(false);
});

test('hashlists/README.md names every format and every reject reason, and no other', () => {
  const told = [...read('README.md').matchAll(/^\| `([a-z_-]+)` /gm)].map(([, reason]) => reason);
  expect(told.toSorted()).toEqual([...HASHLIST_FORMATS, ...REJECT_REASONS].toSorted());
});

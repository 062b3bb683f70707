import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BATCH_ALGORITHMS } from '../../src/check/search-piece.js';
import { VALUE_BYTES } from '../../src/core/vocabulary.js';
import { OTHER, parseHashLines } from '../../src/http/hash-lines.js';
import { startService } from '../support/running.js';

/** Return each line as the item that its columns hold, or as the text that is left to JSON.parse. */
function read(text: string) {
  const bytes = Buffer.from(text);
  const lines = parseHashLines(bytes);
  return Array.from({ length: lines.count }, (_, line) => {
    const at = lines.algorithm[line]!;
    const position = lines.position[line]!;
    if (at === OTHER) return bytes.subarray(...lines.others[position]!).toString();
    const name = BATCH_ALGORITHMS[at]!;
    const width = VALUE_BYTES[name];
    expect(lines.lineOf[name][position]).toBe(line);
    const id = lines.idTo[line] ? { id: bytes.toString('utf8', lines.idFrom[line], lines.idTo[line]) } : {};
    return {
      ...id,
      [name]: Buffer.from(lines.values[name].subarray(position * width, (position + 1) * width)).toString('hex'),
    };
  });
}

const pdq = `${'f'.repeat(63)}0`;
const md5 = '0123456789abcdef0123456789abcdef';

describe('lines of the usual form are parsed without JSON.parse', () => {
  test('with ids, spaces, either order, CRLF, empty lines, and no newline at the end', () => {
    expect(
      read(
        `{"pdq":"${pdq}"}\n{"id":"a","md5":"${md5.toUpperCase()}"}\r\n\n  \n{ "md5" : "${md5}" , "id" : "b c" }\n{"sha1":"${'1'.repeat(40)}"}`,
      ),
    ).toEqual([{ pdq }, { id: 'a', md5 }, { id: 'b c', md5 }, { sha1: '1'.repeat(40) }]);
  });

  test.each([
    'x',
    '{}',
    '{"id":"a"}',
    '{"pdq":1}',
    `{"pdq":"${pdq}"`,
    `{"pdq":"${pdq}"}x`,
    `{"pdq":"${pdq}","quality":3}`,
    `{"pdq":"${pdq}","md5":"${md5}"}`,
    `{"id":"a\\n","pdq":"${pdq}"}`,
    `{"id":"é","pdq":"${pdq}"}`,
    `{"pdq":"${pdq.slice(1)}"}`,
    `{"pdq":"g${pdq.slice(1)}"}`,
    `{"pdq":"${pdq}","id":"a","id":"b"}`,
    `{"photodna":"${pdq}"}`,
    '[]',
    'null',
    '{"__proto__":"a"}',
    `{"pdq":"${pdq}",}`,
  ])('%s is left to JSON.parse', (line) => {
    expect(read(`{"md5":"${md5}"}\n${line}\n{"md5":"${md5}"}\n`)).toEqual([{ md5 }, line, { md5 }]);
  });
});

test('property: for any lines, the columns equal JSON.parse, or the line is left to it', () => {
  const hex = (digits: number) =>
    fc
      .array(fc.constantFrom(...'0123456789abcdefABCDEF'), { minLength: digits, maxLength: digits })
      .map((d) => d.join(''));
  const item = fc.oneof(
    ...BATCH_ALGORITHMS.map((name) =>
      fc.record({ id: fc.string({ maxLength: 8 }), [name]: hex(VALUE_BYTES[name] * 2) }, { requiredKeys: [name] }),
    ),
    fc.dictionary(fc.string({ maxLength: 4 }), fc.oneof(fc.string(), fc.integer(), fc.constant(null))),
  );
  const line = fc.oneof(
    item.map((one) => JSON.stringify(one)),
    fc.string().filter((text) => !/[\r\n]/.test(text)),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      const said = lines.filter((text) => !/^ *$/.test(text));
      const got = read(`${lines.join('\n')}\n`);
      expect(got).toHaveLength(said.length);
      got.forEach((one, at) => {
        if (typeof one === 'string') {
          expect(one).toBe(Buffer.from(said[at]!).toString());
          return;
        }
        const parsed = JSON.parse(said[at]!) as Record<string, string>;
        const lower = Object.fromEntries(
          Object.entries(parsed).map(([key, value]) => [key, key === 'id' ? value : value.toLowerCase()]),
        );
        expect(one).toEqual(lower);
      });
    }),
    { numRuns: 300 },
  );
});

test('property: lines of a character or less, as many as fit', () => {
  const short = fc.oneof({ weight: 50, arbitrary: fc.constant('1') }, fc.constantFrom('', ' ', '\r'));
  fc.assert(
    fc.property(fc.array(short, { maxLength: 200 }), fc.boolean(), (lines, isEnded) => {
      const said = lines.filter((text) => text === '1');
      expect(read(lines.join('\n') + (isEnded ? '\n' : ''))).toEqual(said);
    }),
  );
});

test('the same over HTTP: each short line is an error of its own, and the lines after them are answered', async () => {
  const { url, stop } = await startService();
  try {
    const headers = { 'content-type': 'application/x-ndjson' };
    const body = `${'1\n'.repeat(10_000)}{"id":"last","md5":"${md5}"}\n`;
    const answer = await fetch(`${url}/v1/check/hashes`, { method: 'POST', headers, body });
    const results = (await answer.text()).trim().split('\n');
    expect([answer.status, results.length]).toEqual([200, 10_001]);
    expect(JSON.parse(results[0]!)).toMatchObject({ error: { code: 'VALUE_INVALID' } });
    expect(JSON.parse(results.at(-1)!)).toMatchObject({ id: 'last' });
  } finally {
    await stop();
  }
});

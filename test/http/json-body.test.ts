/** JSON bodies: bounds of depth and values on both sides, and the same answers whichever thread parsed them. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchParser, parseJson, splitBatch } from '../../src/http/json-body.js';
import { type Running, startService } from '../support/running.js';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const nested = (depth: number, inner = '') => `${'['.repeat(depth)}${inner}${']'.repeat(depth)}`;
const refused = (expected: unknown) =>
  expect.objectContaining({ code: 'REQUEST_INVALID', details: { field: 'body', expected } });

describe('parseJson', () => {
  test('is JSON.parse for every value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const text = JSON.stringify(value);
        if (/"__proto__"|"constructor"/.test(text)) return;
        expect(parseJson(bytes(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('depth: 32 levels and no more; brackets in a string are none', () => {
    expect(parseJson(bytes(nested(32)))).toEqual(JSON.parse(nested(32)));
    expect(() => parseJson(bytes(nested(33)))).toThrow(refused('at most 32 levels'));
    expect(() => parseJson(bytes('['.repeat(1_000_000)))).toThrow(refused('at most 32 levels'));
    expect(() => parseJson(bytes('{"a":'.repeat(33)))).toThrow(refused('at most 32 levels'));
    const text = { a: '['.repeat(100), b: `\\"${'{'.repeat(100)}`, 'c\\': '[['.repeat(50) };
    expect(parseJson(bytes(JSON.stringify(text)))).toEqual(text);
    // Lists side by side are not deep.
    expect(parseJson(bytes(`[${'[[]],'.repeat(1_000)}[]]`))).toHaveLength(1_001);
  });

  test('values: ten thousand in any form, and beyond that one in eight bytes', () => {
    const zeros = (count: number, room = '') => bytes(`[${`0,${room}`.repeat(count - 1)}0]`);
    expect(parseJson(zeros(10_000))).toHaveLength(10_000);
    expect(() => parseJson(zeros(10_001))).toThrow(refused('at most 10000 values in 20003 bytes'));
    expect(parseJson(zeros(20_000, ' '.repeat(7)))).toHaveLength(20_000);
    expect(() => parseJson(zeros(20_000, ' '.repeat(5)))).toThrow(
      refused(expect.stringMatching(/^at most 1\d+ values/)),
    );
    const items = Array.from({ length: 20_000 }, (_, at) => ({ id: String(at % 10), md5: 'a'.repeat(32) }));
    expect(parseJson(bytes(JSON.stringify({ items })))).toEqual({ items });
  });

  test('a name that is a number counts six, also written as an escape', () => {
    const named = (name: string) => bytes(`[${`{"${name}":0${' '.repeat(20)}},`.repeat(9_999)}0]`);
    expect(parseJson(named('a3'))).toHaveLength(10_000);
    for (const name of ['3', '30', String.raw`\u0033`])
      expect(() => parseJson(named(name)), name).toThrow(refused(expect.stringMatching(/^at most \d+ values/)));
  });

  test.each([
    ['nothing', Buffer.alloc(0), 'BODY_EMPTY'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'REQUEST_INVALID'],
    ['no JSON', bytes('{"a":1'), 'REQUEST_INVALID'],
    ['__proto__', bytes('{"items":[{"__proto__":{"md5":"x"}}]}'), 'REQUEST_INVALID'],
    ['constructor.prototype', bytes('{"constructor":{"prototype":{}}}'), 'REQUEST_INVALID'],
  ])('%s is refused', (_says, body, code) => {
    expect(() => parseJson(body)).toThrow(expect.objectContaining({ code }));
  });

  test('an error does not quote the body', () => {
    try {
      parseJson(bytes('{"md5": d41d8cd98f00b204e9800998ecf8427e}'));
    } catch (error) {
      expect(JSON.stringify([error, String(error), (error as Error).cause])).not.toContain('d41d8');
    }
    expect.assertions(1);
  });
});

describe('a large batch is parsed in another thread', () => {
  const parser = new BatchParser(10_000);
  afterAll(() => parser.close());
  /** Too short for a part of a batch to be refused. */
  const padding = 'x'.repeat(1_048_540);
  const long = 'x'.repeat(1_200_000);

  test('to the same value', async () => {
    const body = {
      orientations: 'all',
      items: [{ id: 'é "\n\\ \u2028', md5: 'a' }, null, 3, [[]], {}, { id: padding }, { id: 'x' }],
      lists: ['a'],
    };
    expect(JSON.stringify(body).length).toBeGreaterThan(1_048_576);
    expect(await parser.parse(bytes(JSON.stringify(body)))).toEqual(body);
    expect(await parser.parse(bytes(`{"items":[],${' '.repeat(1_000)}"more":"${padding}"}`))).toEqual({
      items: [],
      more: padding,
    });
  });

  test.each([
    ['a long item', JSON.stringify({ items: [0, { hashes: [padding, padding] }] }), 'REQUEST_INVALID'],
    ['long fields beside the items', JSON.stringify({ items: [], lists: [padding, padding] }), 'REQUEST_INVALID'],
    ['too deep', nested(40, long), 'REQUEST_INVALID'],
    ['no list of items', JSON.stringify({ items: { long } }), 'REQUEST_INVALID'],
    ['no object', JSON.stringify([long]), 'REQUEST_INVALID'],
    ['null', `null${' '.repeat(150_000)}`, 'REQUEST_INVALID'],
    [
      'too many items',
      JSON.stringify({ items: Array.from({ length: 10_001 }, () => padding.slice(0, 20)) }),
      'TOO_MANY_ITEMS',
    ],
  ])('%s: the same error as in this one', async (_says, text, code) => {
    await expect(parser.parse(bytes(text))).rejects.toMatchObject({ code });
    expect(() => splitBatch(bytes(text), 10_000)).toThrow(expect.objectContaining({ code }));
  });
});

describe('POST /v1/check/hashes', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startService();
  });
  afterAll(() => running.stop());
  const send = async (body: string, key?: string) => {
    const headers = { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}) };
    const response = await fetch(`${running.url}/v1/check/hashes`, { method: 'POST', headers, body });
    return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
  };
  const items = Array.from({ length: 4_000 }, (_, at) => ({ id: `i${at}`, md5: at.toString(16).padStart(32, 'a') }));

  test('a large body and a small one get the same answers', async () => {
    const { status, answer } = await send(JSON.stringify({ items }));
    expect([status, answer.checked]).toEqual([200, 4_000]);
    const few = await send(JSON.stringify({ items: items.slice(0, 5) }));
    expect((answer.results as unknown[]).slice(0, 5)).toEqual(few.answer.results);
  });

  test('more names of lists than any service has are refused', async () => {
    const { status, answer } = await send(JSON.stringify({ items: [], lists: Array(1_001).fill('a') }));
    expect([status, answer.code]).toEqual([400, 'REQUEST_INVALID']);
  });

  test('with an Idempotency-Key a large body counts once, and another one under it is refused', async () => {
    const first = await send(JSON.stringify({ items }), 'large');
    const again = await send(JSON.stringify({ items }), 'large');
    expect([first.status, again.status]).toEqual([200, 200]);
    const other = await send(JSON.stringify({ items: [...items.slice(0, -1), { md5: 'f'.repeat(32) }] }), 'large');
    expect([other.status, other.answer.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  });

  test('brackets are refused at once, small and large', async () => {
    for (const depth of [1_000, 2_000_000]) {
      const { status, answer } = await send(`{"items":[${'['.repeat(depth)}`);
      expect([status, answer.code]).toEqual([400, 'REQUEST_INVALID']);
    }
  });
});

/** The memory of all request bodies has one bound: taken before a body is read, returned at the end of the request. */
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { FastifyReply } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { atEnd } from '../../src/http/at-end.js';
import { BodyBudget, BodyShare } from '../../src/http/body-budget.js';
import { BatchParser } from '../../src/http/json-body.js';
import { type Running, startService } from '../support/running.js';

const BUDGET = 33_554_432;
const IMAGE = 9_500_000;

let running: Running;
beforeAll(async () => {
  running = await startService({ bodyBytesInFlightMax: String(BUDGET), imageBytesMax: String(IMAGE) });
});
afterAll(() => running.stop());

/** Expect of a value that it becomes so, on a busy machine too. */
const within = <T>(read: () => T) => expect.poll(read, { timeout: 20_000 });

/** Begin a request whose body never ends; `answered` resolves with the head of its answer. */
function begin(head: string, body: Uint8Array | string = '', path = '/v1/check', type = 'image/jpeg') {
  const socket: Socket = connect(Number(new URL(running.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${head}\r\n\r\n`);
  socket.write(body);
  let text = '';
  const answered = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('requestId') || text.includes('"verdict"')) resolve(text);
    });
  });
  return { socket, answered, isAnswered: () => text !== '' };
}
/** Of four requests that are held open, three fit: return the answer of the one that is refused, and end all. */
async function refusedOfFour(start: () => ReturnType<typeof begin>): Promise<string> {
  const held = [start(), start(), start(), start()];
  const text = await Promise.race(held.map(({ answered }) => answered));
  expect(held.filter(({ isAnswered }) => isAnswered())).toHaveLength(1);
  for (const { socket } of held) socket.destroy();
  return text;
}
/** The status of an image; 200 for one of any size where its share is free again. */
const whole = async (bytes = IMAGE) => {
  const headers = { 'content-type': 'image/jpeg' };
  return (await fetch(`${running.url}/v1/check`, { method: 'POST', body: 'x'.repeat(bytes), headers })).status;
};

describe('images', () => {
  test('of a stated length: refused before a byte is read, with Retry-After', async () => {
    const text = await refusedOfFour(() => begin(`Content-Length: ${IMAGE}`));
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/retry-after: 1\r\n/i);
    expect(text).toContain('"code":"BODIES_IN_FLIGHT"');
    await within(() => whole()).toBe(200);
    // The share returns with every answer.
    for (let n = 0; n < 4; n++) expect(await whole()).toBe(200);
  });

  test('in chunks: the share grows with the bytes', async () => {
    const chunk = `${(9_000_000).toString(16)}\r\n${'x'.repeat(9_000_000)}\r\n`;
    expect(await refusedOfFour(() => begin('Transfer-Encoding: chunked', chunk))).toContain(
      '"code":"BODIES_IN_FLIGHT"',
    );
    await within(() => whole()).toBe(200);
  });

  describe('of POST /v1/verdict, which reads a longer body too', () => {
    const send = (bytes: number, isChunked: boolean) => {
      const body = new Blob(['x'.repeat(bytes)]);
      const init = { method: 'POST', body: isChunked ? body.stream() : body, duplex: 'half' } as RequestInit;
      return fetch(`${running.url}/v1/verdict`, { ...init, headers: { 'content-type': 'image/jpeg' } });
    };

    test.each([
      ['of a stated length', () => begin(`Content-Length: ${BUDGET * 2}`, '', '/v1/verdict')],
      [
        'in chunks',
        () => {
          const chunk = `${(9_000_000).toString(16)}\r\n${'x'.repeat(9_000_000)}\r\n`;
          return begin('Transfer-Encoding: chunked', chunk, '/v1/verdict');
        },
      ],
    ])('%s: the share is that of an image', async (_name, start) => {
      expect(await refusedOfFour(start)).toContain('"code":"BODIES_IN_FLIGHT"');
      await within(() => whole()).toBe(200);
    });

    test('in chunks: small ones take little, and a body longer than all memory is read to its end', async () => {
      const held = Array.from({ length: 20 }, () =>
        begin('Transfer-Encoding: chunked', '4\r\nxxxx\r\n', '/v1/verdict'),
      );
      await within(() => held.every(({ socket }) => socket.bytesWritten > 100)).toBe(true);
      for (const isChunked of [true, false]) {
        const response = await send(BUDGET + 5_000_000, isChunked);
        expect([response.status, ((await response.json()) as { reason: string }).reason]).toEqual([503, 'too_large']);
      }
      expect(held.filter(({ isAnswered }) => isAnswered())).toEqual([]);
      for (const { socket } of held) socket.destroy();
      await within(() => whole()).toBe(200);
    });
  });

  test('in multipart: one file of a request is in memory', async () => {
    const start = () => begin('Content-Length: 900000000', '--b\r\n', '/v1/check', 'multipart/form-data; boundary=b');
    expect(await refusedOfFour(start)).toContain('"code":"BODIES_IN_FLIGHT"');
    await within(() => whole()).toBe(200);
  });
});

describe('batches', () => {
  const post = async (body: Uint8Array | string, headers: Record<string, string>, path = '') => {
    const response = await fetch(`${running.url}/v1/check/hashes${path}`, {
      method: 'POST',
      body: body as BodyInit,
      headers,
    });
    return [response.status, ((await response.json()) as { code?: string }).code];
  };
  const json = (bytes: number) => `{"items":[${' '.repeat(bytes - 12)}]}`;

  test('of JSON take several times their bytes; one that exceeds all is refused for its size', async () => {
    await within(() => post(json(2_400_000), { 'content-type': 'application/json' })).toEqual([200, undefined]);
    expect(await post(json(2_500_000), { 'content-type': 'application/json' })).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('of many small items take the memory of their answers', async () => {
    const items = (count: number) => `{"items":[${'{}, '.repeat(count - 1)}{}${' '.repeat(count * 16)}]}`;
    await within(() => post(items(20_000), { 'content-type': 'application/json' })).toEqual([200, undefined]);
    // 800 kB, of which the answers are 32 MB.
    expect(await post(items(40_000), { 'content-type': 'application/json' })).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('of packed JSON take the memory of what was packed', async () => {
    const packed = (bytes: number) =>
      gzipSync(`{"items":[${'{},'.repeat(bytes / 3)}{"md5":"${'0'.repeat(32)}"}]}`, { level: 1 });
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const random = `[${Array.from({ length: 200_000 }, () => JSON.stringify({ md5: Math.random().toString(16).slice(2).padEnd(32, '0') }))}]`;
    expect(random.length).toBeGreaterThan(5_000_000);
    expect(await post(gzipSync(`{"items":${random}}`), headers)).toEqual([413, 'BODY_TOO_LARGE']);
    await within(async () => (await post(packed(3_000), headers))[0]).toBe(200);
  });

  test('of raw values take their pieces only', async () => {
    const body = new Uint8Array(40_000_000);
    await within(() => post(body, { 'content-type': 'application/octet-stream' }, '?algorithm=md5')).toEqual([
      200,
      undefined,
    ]);
  });
});

test('a budget below one image does not start', async () => {
  const flags = { bodyBytesInFlightMax: String(BUDGET), imageBytesMax: String(BUDGET + 1) };
  await expect(startService(flags)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

/** What the service says is in flight. */
const inFlight = async () =>
  Number(/^zeef_body_bytes_in_flight (\d+)$/m.exec((await running.service.renderMetrics()).body)?.[1]);

describe('the end of a request', () => {
  test('of any kind returns its share: three hundred connections, cut anywhere', async () => {
    // A fixed sequence: a failure can be repeated.
    let state = 7;
    const below = (end: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % end;
    };
    const lines = '{"md5":"00000000000000000000000000000000"}\n'.repeat(5_000);
    const packed = gzipSync(lines);
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    const keyed = () => `Idempotency-Key: k${below(1_000_000)}`;
    const kinds: (() => Parameters<typeof begin>)[] = [
      () => [`Content-Length: ${100_000 + below(900_000)}`, 'x'.repeat(below(100_000))],
      () => ['Content-Length: 1000', 'x'.repeat(1_000)],
      () => ['Transfer-Encoding: chunked', chunk('x'.repeat(1 + below(50_000)))],
      () => ['Transfer-Encoding: chunked', 'zz\r\nno chunk'],
      () => ['Content-Length: 90000', '--b\r\n', '/v1/check', 'multipart/form-data; boundary=b'],
      () => ['Content-Length: 5', '{"it', '/v1/check/hashes', 'application/json'],
      () => ['Content-Length: 900000', '{"items":[', '/v1/check/hashes', 'application/json'],
      () => [keyed(), lines, '/v1/check/hashes', 'application/x-ndjson'],
      () => [`${keyed()}\r\nTransfer-Encoding: chunked`, chunk(lines), '/v1/check/hashes', 'application/x-ndjson'],
      () => [`Content-Length: ${lines.length}\r\n${keyed()}`, lines, '/v1/check/hashes', 'application/x-ndjson'],
      () => [
        `Content-Length: ${packed.length}\r\nContent-Encoding: gzip`,
        packed.subarray(0, below(packed.length)),
        '/v1/check/hashes',
        'application/json',
      ],
      () => ['Content-Length: 70000', 'x'.repeat(below(70_000)), '/v1/lists/l/entries?format=plain', 'text/csv'],
      () => ['Content-Length: 99999999999', '', '/v1/check'],
      () => ['Content-Length: 20', '{"list":', '/v1/lists', 'application/json'],
    ];
    const closed: Promise<unknown>[] = [];
    for (let at = 0; at < 300; at++) {
      const { socket } = begin(...kinds[at % kinds.length]!());
      closed.push(new Promise((resolve) => socket.once('close', resolve)));
      const ms = below(30);
      if (ms < 10) socket.destroySoon();
      else setTimeout(() => socket.destroy(), ms);
      if (at % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await Promise.all(closed);
    // A connection after all of them: once it is answered, the service has accepted each.
    const last = begin('Content-Length: 1', 'x');
    await last.answered;
    last.socket.destroy();
    await within(inFlight).toBe(0);
    expect(await whole()).toBe(200);
  });

  const batch = `{"items":[${' '.repeat(100_000)}]}`;
  test.each<[string, () => ReturnType<typeof vi.spyOn>, () => ReturnType<typeof begin>, number]>([
    [
      'handler',
      () => vi.spyOn(running.service, 'checkImage'),
      () => begin(`Content-Length: ${IMAGE}`, 'x'.repeat(IMAGE)),
      IMAGE,
    ],
    [
      'parser',
      () => vi.spyOn(BatchParser.prototype, 'parse'),
      () => begin(`Content-Length: ${batch.length}`, batch, '/v1/check/hashes', 'application/json'),
      batch.length * 12,
    ],
  ])(
    'is that of its %s too: a lost connection does not free what is still processed',
    async (_who, spy, send, bytes) => {
      await within(inFlight).toBe(0);
      let finish: () => void = () => {};
      const processed = new Promise<never>((_resolve, reject) => {
        finish = () => reject(new Error('the client has gone'));
      });
      processed.catch(() => {});
      const work = spy().mockImplementation(() => processed);
      try {
        const { socket } = send();
        await within(() => work.mock.calls.length).toBe(1);
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.destroy();
        await closed;
        // The service has seen the end of the connection once a later one was answered.
        const later = begin('Content-Length: 3', 'x=y', '/v1/keys', 'text/plain');
        await later.answered;
        later.socket.destroy();
        await within(inFlight).toBe(bytes);
        finish();
        await within(inFlight).toBe(0);
      } finally {
        finish();
        work.mockRestore();
      }
    },
  );

  test('may come before its share is taken', () => {
    let ended = 0;
    atEnd({ raw: { closed: true, once: () => {} } } as unknown as FastifyReply, () => ended++);
    expect(ended).toBe(1);
  });
});

test('large bodies leave room for small ones', async () => {
  const held = [1, 2, 3].map(() => begin(`Content-Length: ${IMAGE}`));
  try {
    await within(inFlight).toBe(3 * IMAGE);
    // Two megabytes would fit into the reserve, which is not theirs.
    expect(await whole(2_000_000)).toBe(503);
    const headers = { 'content-type': 'application/json' };
    const small = await fetch(`${running.url}/v1/check/hashes`, { method: 'POST', body: '{"items":[]}', headers });
    expect(small.status).toBe(200);
  } finally {
    for (const { socket } of held) socket.destroy();
  }
  await within(inFlight).toBe(0);
});

test('a body in tiny pieces takes their memory too', async () => {
  const pieces = '1\r\nx\r\n'.repeat(1_000);
  const { socket } = begin('Transfer-Encoding: chunked', pieces);
  await within(inFlight).toBeGreaterThan(100_000);
  socket.destroy();
  await within(inFlight).toBe(0);
});

test('a share is returned once, and a refused one takes nothing', () => {
  const budget = new BodyBudget(16);
  const [a, b] = [new BodyShare(budget), new BodyShare(budget)];
  a.take(14);
  expect(() => a.take(1)).toThrow(expect.objectContaining({ code: 'BODY_TOO_LARGE' }));
  b.take(2);
  expect(() => b.take(1)).toThrow(expect.objectContaining({ code: 'BODIES_IN_FLIGHT' }));
  expect(budget.taken).toBe(16);
  b.release();
  expect(budget.taken).toBe(14);
  a.hold();
  a.release();
  expect(budget.taken).toBe(14);
  a.release();
  expect(budget.taken).toBe(0);
  b.release();
  expect(budget.taken).toBe(0);
  for (const late of [() => a.take(1), () => a.hold()])
    expect(late).toThrow(expect.objectContaining({ code: 'REQUEST_TIMEOUT' }));
  expect(budget.taken).toBe(0);
});

test('what is not small leaves the reserve to what is', () => {
  const budget = new BodyBudget(8 * 1_048_576);
  const [large, more, small] = [new BodyShare(budget), new BodyShare(budget), new BodyShare(budget, 7)];
  expect(budget.largeBytesMax).toBe(7 * 1_048_576);
  large.take(6 * 1_048_576 + 1);
  // Within all, and beyond what is not reserved.
  expect(() => more.take(1_048_577)).toThrow(expect.objectContaining({ code: 'BODIES_IN_FLIGHT' }));
  small.take(149_796);
  expect(() => small.take(1)).toThrow(expect.objectContaining({ code: 'BODIES_IN_FLIGHT' }));
  expect(budget.taken).toBe(6 * 1_048_576 + 1 + 149_796 * 7);
});

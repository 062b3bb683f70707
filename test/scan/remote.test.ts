/** Answers of another service that are no answer to a batch: final at once, or tried again. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { queryBatchOf } from '../../src/check/file-queries.js';
import { remoteMatcher } from '../../src/scan/remote.js';

let server: Server | null = null;
afterEach(() => server?.close());

type Reply = readonly [status: number, body: string, headers?: Record<string, string>];
const ONE_FILE = queryBatchOf([{ digests: { md5: '0'.repeat(32) }, hashes: [] }]);

async function serve(answers: readonly Reply[], key: string | null = null) {
  let requests = 0;
  server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const [status, body, headers = {}] = answers[Math.min(requests++, answers.length - 1)]!;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const matcher = remoteMatcher({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    lists: null,
    requestedRadiusBits: null,
    shouldStop: () => false,
    onWait: () => {},
    firstPauseMs: 1,
    patienceMs: 2_000,
  });
  return { matcher, requests: () => requests };
}

async function ask(answers: readonly Reply[]) {
  const { matcher, requests } = await serve(answers);
  const [outcome] = await Promise.allSettled([matcher.match(ONE_FILE)]);
  return { outcome, requests: requests() };
}

const answer = (results: number) =>
  JSON.stringify({
    generation: 1,
    results: Array.from({ length: results }, () => ({
      id: null,
      verdict: 'no_match',
      lowQuality: false,
      exact: true,
      matches: [],
      matchCount: 0,
      truncated: false,
    })),
  });

test.each([
  ['a redirect', [302, '', { location: 'http://192.0.2.1/' }], 'status 302'],
  ['a page', [200, '<html></html>'], 'not a Zeef service'],
  ['null', [200, 'null'], 'not a Zeef service'],
  ['another object', [200, '{}'], 'not a Zeef service'],
  ['too few answers', [200, answer(0)], 'answers are missing'],
  ['too many answers', [200, answer(2)], 'answers are missing'],
  ['a refusal', [403, '{"code":"SCOPE_MISSING","details":{"scope":"details"}}'], 'SCOPE_MISSING details'],
  ['a refusal whose body is null', [404, 'null'], 'status 404'],
] as const)('%s is final', async (_name, reply, why) => {
  const { outcome, requests } = await ask([reply]);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'SERVER_FAILED', details: { why } } });
  expect(requests).toBe(1);
});

test('after an answer, a page or a cut answer is a fault on the way, and tried again', async () => {
  const page = [200, '<html></html>'] as const;
  const { matcher, requests } = await serve([[200, answer(1)], page, [200, answer(1).slice(0, 20)], [200, answer(1)]]);
  for (let n = 0; n < 2; n++) await matcher.match(ONE_FILE);
  expect(requests()).toBe(4);
});

test('a key that cannot be sent is refused without being quoted, and nothing is sent', async () => {
  const { matcher, requests } = await serve([[200, answer(1)]], 'zeef_\nx');
  const failure = await matcher.match(ONE_FILE).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'SERVER_FAILED', details: { why: 'the key cannot be sent in a header' } });
  expect((failure as Error).cause).toBeUndefined();
  expect(requests()).toBe(0);
});

test.each([
  ['busy', [429, '{}']],
  ['failing', [500, 'null']],
  ['behind a proxy that fails', [502, '<html></html>']],
] as const)('a service that is %s is asked again', async (_name, reply) => {
  const { outcome, requests } = await ask([reply, reply, [200, answer(1)]]);
  expect(outcome).toMatchObject({ status: 'fulfilled', value: [{ verdict: 'no_match' }] });
  expect(requests).toBe(3);
});

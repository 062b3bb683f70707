/** What entries say of themselves, in answers: for keys with the scope `details` alone, and never kept in a hit. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_ATTRIBUTES } from '../../src/core/vocabulary.js';
import { type Running, startService } from '../support/running.js';

const MD5 = '0123456789abcdef'.repeat(2);
const PDQ = '96a5'.repeat(16);
const SAID = {
  mediaType: 'image/jpeg',
  updatedAt: '2026-01-02T03:04:05Z',
  tags: ['reviewed'],
  notes: { series: 'S-12' },
};
const PUBLIC = ['list', 'matchType', 'quarantined', 'suppressed'];
const WORDS = ['mediaType', 'updatedAt', 'tags', 'notes'];

type Told = Record<string, unknown>;
let running: Running;
const keys = new Map<boolean, string>();

beforeAll(async () => {
  running = await startService();
  const { lists, keys: store } = running.service.store;
  const rows = (async function* () {
    for (const [line, [algorithm, value]] of (
      [
        ['md5', MD5],
        ['pdq', PDQ],
      ] as const
    ).entries()) {
      const notes = { ...SAID.notes, file: `${value.slice(0, 32)}.jpg` };
      const entry = { ...NO_ATTRIBUTES, ...SAID, notes, entryId: 'e', algorithm, value, status: 'active' as const };
      yield { ok: true as const, line, entry };
    }
  })();
  await lists.replaceEntries('own', rows, { create: { kind: 'match', radiusBits: 31 } });
  await running.service.reload();
  for (const seesDetails of [true, false]) {
    const scopes = ['check', 'check:hashes', 'hits', ...(seesDetails ? ['details'] : [])] as never;
    const { key } = await store.createKey({ tenant: `t${seesDetails}`, scopes, expiresAt: null });
    keys.set(seesDetails, key);
  }
});
afterAll(() => running.stop());

async function ask(path: string, seesDetails: boolean, body?: BodyInit, type = 'application/json'): Promise<string> {
  const authorization = `Bearer ${keys.get(seesDetails)}`;
  const init =
    body === undefined
      ? { headers: { authorization } }
      : { method: 'POST', body, headers: { authorization, 'content-type': type } };
  const answer = await fetch(`${running.url}${path}`, init);
  expect(answer.status).toBe(200);
  return answer.text();
}

/** Address, body and type of each form of a question; how its matches are found in the answer. */
const FORMS: readonly (readonly [
  form: string,
  path: string,
  body: BodyInit | undefined,
  type: string,
  matchesOf: (text: string) => Told[],
])[] = [
  ...(
    [
      ['JSON', { items: [{ md5: MD5 }] }],
      ['JSON of several values', { items: [{ md5: MD5, pdq: PDQ }] }],
    ] as const
  ).map(
    ([form, body]) =>
      [
        form,
        '/v1/check/hashes',
        JSON.stringify(body),
        'application/json',
        (text: string) => JSON.parse(text).results[0].matches,
      ] as const,
  ),
  ['NDJSON', '/v1/check/hashes', `{"md5":"${MD5}"}\n`, 'application/x-ndjson', (text) => JSON.parse(text).matches],
  [
    'NDJSON of several values',
    '/v1/check/hashes',
    `{"md5":"${MD5}","pdq":"${PDQ}"}\n`,
    'application/x-ndjson',
    (text) => JSON.parse(text).matches,
  ],
  [
    'raw values',
    '/v1/check/hashes?algorithm=md5',
    Uint8Array.from(Buffer.from(MD5, 'hex')),
    'application/octet-stream',
    (text) => JSON.parse(text).results[0].matches,
  ],
  ['one hash', `/v1/hashes/${MD5}`, undefined, '', (text) => JSON.parse(text).matches],
  ['a verdict of a value', `/v1/verdict?md5=${MD5}&match=422`, undefined, '', (text) => JSON.parse(text).matches],
];

describe.each(FORMS)('%s', (form, path, body, type, matchesOf) => {
  // A verdict by status: 422 is a match.
  const told = async (seesDetails: boolean) => {
    if (!path.startsWith('/v1/verdict')) return ask(path, seesDetails, body, type);
    const headers = { authorization: `Bearer ${keys.get(seesDetails)}` };
    return (await fetch(`${running.url}${path}`, { headers })).text();
  };

  test('with details a match has the words of its entry, but no value', async () => {
    const text = await told(true);
    const matches = matchesOf(text);
    expect([form, matches.length > 0]).toEqual([form, true]);
    for (const match of matches) expect(match).toMatchObject(SAID);
    for (const match of matches) expect(match.notes).toEqual(SAID.notes);
    expect(text).not.toContain(PDQ.slice(0, 32));
  });

  test('without them none', async () => {
    for (const match of matchesOf(await told(false))) expect(Object.keys(match).sort()).toEqual(PUBLIC);
  });
});

test('a hit keeps none of them', async () => {
  const { hits } = JSON.parse(await ask('/v1/hits', true)) as { hits: (Told & { matches: Told[] })[] };
  expect(hits.length).toBeGreaterThan(0);
  for (const hit of hits) {
    for (const facts of [hit, ...hit.matches]) for (const word of WORDS) expect(facts).not.toHaveProperty(word);
    expect(hit.matches[0]).toMatchObject({ list: 'own', entryId: 'e' });
  }
});

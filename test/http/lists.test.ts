/** Suppressions, versions and changes of lists over HTTP. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

const IMAGE = { 'content-type': 'image/jpeg' };
const isPicture = (name: string) => /\.(jpg|webp|png)$/.test(name);

describe('suppressions', () => {
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${running.url}/v1/suppressions${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    const text = await response.text();
    return { status: response.status, text, json: text === '' ? null : JSON.parse(text) };
  };
  const file = readFileSync(join(PICTURES, readdirSync(PICTURES).filter(isPicture).sort().at(-1)!));
  const check = async () => {
    const response = await fetch(`${running.url}/v1/check`, {
      method: 'POST',
      body: new Uint8Array(file),
      headers: IMAGE,
    });
    return (await response.json()) as { verdict: string; matches: { list: string; entryId: string; source: string }[] };
  };
  const verdict = async () => (await check()).verdict;

  test('a digest, an entry and a source are suppressed, returned without values, and released', async () => {
    expect(await verdict()).toBe('match');
    const value = createHash('sha256').update(file).digest('hex');
    const made = await ask('POST', '', { algorithm: 'sha256', value, note: 'our logo' });
    expect(made).toMatchObject({ status: 201, json: { entries: 1 } });
    expect(await verdict()).toBe('suppressed');
    const listed = await ask('GET', '');
    expect(listed.json.suppressions).toMatchObject([{ id: made.json.id, algorithm: 'sha256', note: 'our logo' }]);
    expect(listed.text).not.toContain(value);
    expect(await ask('POST', '', { algorithm: 'sha256', value }), 'again').toMatchObject({
      json: { id: made.json.id, entries: 0 },
    });
    expect((await ask('DELETE', `/${made.json.id}`)).status).toBe(204);
    expect(await verdict()).toBe('match');
    expect((await ask('DELETE', `/${made.json.id}`)).status).toBe(404);

    const { matches } = await check();
    const { list, source } = matches[0]!;
    for (const entryId of new Set(matches.map((match) => match.entryId))) {
      expect((await ask('POST', '', { list, entryId })).status).toBe(201);
    }
    expect(await verdict()).toBe('suppressed');
    for (const entryId of new Set(matches.map((match) => match.entryId))) {
      expect((await ask('DELETE', `?list=${list}&entryId=${entryId}`)).status).toBe(204);
    }
    expect(await verdict()).toBe('match');
    expect((await ask('POST', '', { list, source })).json.entries).toBe(40);
    expect(await verdict()).toBe('suppressed');
    for (const { entryId } of (await ask('GET', '')).json.suppressions) {
      await ask('DELETE', `?list=${list}&entryId=${entryId}`);
    }
    expect(await verdict()).toBe('match');
  });

  test.each<[number, object]>([
    [422, { algorithm: 'md5', value: 'no hash' }],
    [422, { algorithm: 'pdq', value: '0'.repeat(64) }],
    [404, { list: 'nowhere', entryId: 'e' }],
    [404, { list: 'sample', entryId: 'nobody' }],
    [400, { list: 'sample' }],
    [400, { algorithm: 'crc32', value: 'a' }],
    [400, {}],
  ])('%i for %j', async (status, body) => {
    expect((await ask('POST', '', body)).status).toBe(status);
  });
});

describe('versions of a list', () => {
  test('GET returns what each import did; an unknown list gets 404', async () => {
    const response = await fetch(`${running.url}/v1/lists/sample/versions`);
    const { versions } = (await response.json()) as { versions: Record<string, unknown>[] };
    expect(response.status).toBe(200);
    expect(versions[0]).toMatchObject({ list: 'sample', version: 1, state: 'active', origin: 'sample.csv', held: [] });
    expect((await fetch(`${running.url}/v1/lists/nowhere/versions`)).status).toBe(404);
  });
});

describe('PATCH of a list', () => {
  const patch = async (list: string, body: object) => {
    const response = await fetch(`${running.url}/v1/lists/${list}`, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  /** The verdict for a hash 12 bits from one of the sample's, without a digest. */
  const verdict = async () => {
    const line = readFileSync('hashlists/sample/sample.csv', 'utf8')
      .split('\n')
      .find((one) => one.includes(',pdq,'))!;
    const hash = Buffer.from(line.split(',')[2]!, 'hex');
    hash[0] = hash[0]! ^ 0xff;
    hash[9] = hash[9]! ^ 0x0f;
    const response = await fetch(`${running.url}/v1/check/hashes`, {
      method: 'POST',
      body: JSON.stringify({ items: [{ pdq: hash.toString('hex') }] }),
      headers: { 'content-type': 'application/json' },
    });
    return ((await response.json()) as { results: { verdict: string }[] }).results[0]!.verdict;
  };

  test('a change of radius or state applies to the next check', async () => {
    expect(await verdict()).toBe('match');
    expect(await patch('sample', { radiusBits: 11 })).toMatchObject({ status: 200, json: { radiusBits: 11 } });
    expect(await verdict()).toBe('no_match');
    await patch('sample', { radiusBits: 12 });
    expect(await verdict()).toBe('match');
    await patch('sample', { enabled: false });
    expect(await verdict()).toBe('not_checked');
    expect(await patch('sample', { enabled: true, radiusBits: 31, matchLowQuality: true })).toMatchObject({
      json: { enabled: true, matchLowQuality: true },
    });
    expect(await verdict()).toBe('match');
  });

  test.each<[number, string, object]>([
    [404, 'nowhere', { enabled: true }],
    [400, 'sample', {}],
    [400, 'sample', { radiusBits: 257 }],
    [400, 'sample', { title: 'other' }],
  ])('%i for %s %j', async (status, list, body) => {
    expect((await patch(list, body)).status).toBe(status);
  });
});

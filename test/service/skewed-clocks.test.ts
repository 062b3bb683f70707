/** Three services of one PostgreSQL, of which two have a wrong clock: they are not ready, and what they do is done once. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { run, type Serving, serve } from '../support/processes.js';

const TIMEOUT_MS = 120_000;
const LATER = { timeout: 60_000, interval: 100 };
const MD5 = '5eb63bbbe01eeed093cb22bb8f5acdc3';
const HITS_OF_EACH = 20;
/** As a machine whose clock a person set wrong. */
const SKEWS_MS = [0, 180_000, -180_000];

describe.runIf(hasPostgres)('clocks that are three minutes off', { timeout: TIMEOUT_MS }, () => {
  let services: Serving[] = [];
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += String(piece);
    });
    request.on('end', () => {
      bodies.push(body);
      response.end();
    });
  });
  let env: Record<string, string> = {};

  /** Return the option that loads a clock with this error. */
  const clockOf = (skewMs: number): Record<string, string> => {
    const file = join(tempFolder('clock'), 'clock.mjs');
    writeFileSync(
      file,
      `const Right = Date;
       globalThis.Date = class Date extends Right {
         constructor(...given) { given.length === 0 ? super(Date.now()) : super(...given); }
         static now() { return Right.now() + ${skewMs}; }
       };`,
    );
    return { NODE_OPTIONS: `--import=${pathToFileURL(file).href}` };
  };

  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    env = {
      ZEEF_DATABASE_URL: await (await sharedServer()).createDatabase(),
      ZEEF_LIST_KEY: '1'.repeat(64),
      ZEEF_WORKERS: '1',
      ZEEF_LOG_LEVEL: 'warn',
      HOOK_SECRET: 'secret',
    };
    const place = () => ({ ZEEF_DATA_DIR: join(tempFolder('skewed'), 'data') });
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const added = await run({ ...env, ...place() }, 'webhooks', 'add', url, '--secret-env', 'HOOK_SECRET');
    expect([added.code, added.output.toString()]).toEqual([0, expect.any(String)]);
    services = await Promise.all(SKEWS_MS.map((skewMs) => serve({ ...env, ...place(), ...clockOf(skewMs) })));
  }, TIMEOUT_MS);
  afterAll(async () => {
    await Promise.all(services.map(({ end }) => end('SIGKILL')));
    receiver.closeAllConnections();
    await new Promise((resolve) => receiver.close(resolve));
  });

  const ask = async ({ url }: Serving, path: string, body: string, type: string) => {
    const response = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': type } });
    return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
  };

  test('are those of services that are not ready; the right one is', async () => {
    const reasons = () =>
      Promise.all(
        services.map(
          async ({ url }) => ((await (await fetch(`${url}/readyz`)).json()) as { notReady: string[] }).notReady,
        ),
      );
    await expect
      .poll(reasons, LATER)
      .toEqual([['no_list'], expect.arrayContaining(['clock_skew']), expect.arrayContaining(['clock_skew'])]);
  });

  test('an import at each is done once, and each hit is sent once', async () => {
    const path = (list: string) => `/v1/lists/${list}/entries?format=plain&algorithm=md5&mode=add`;
    const type = 'application/octet-stream';
    const imports = await Promise.all(services.map((one, at) => ask(one, path(`list-${at}`), MD5, type)));
    expect(imports.map(({ status }) => status)).toEqual([200, 200, 200]);
    const matched = async (one: Serving, references: readonly string[]) => {
      const items = references.map((id) => ({ id, md5: MD5 }));
      const { answer } = await ask(one, '/v1/check/hashes', JSON.stringify({ items }), 'application/json');
      const results = answer.results as { matches: unknown[] }[];
      return results.filter(({ matches }) => matches.length === services.length).length;
    };
    // Asked about one file, so that the waits leave one hit.
    await Promise.all(services.map((one) => expect.poll(() => matched(one, ['first']), LATER).toBe(1)));
    const references = (at: number) => Array.from({ length: HITS_OF_EACH }, (_, hit) => `of-${at}-${hit}`);
    const found = await Promise.all(services.map((one, at) => matched(one, references(at))));
    expect(found).toEqual(services.map(() => HITS_OF_EACH));

    const all = ['first', ...services.flatMap((_, at) => references(at))].sort();
    const sent = () => bodies.map((body) => JSON.parse(body).hit.reference as string).sort();
    await expect.poll(() => sent().length, LATER).toBeGreaterThanOrEqual(all.length);
    // One that is sent twice would come soon: another service looks for events each second.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(sent()).toEqual(all);
    const place = { ZEEF_DATA_DIR: join(tempFolder('verify'), 'data') };
    const verified = await run({ ...env, ...place }, 'ledger', 'verify', '--json');
    expect(JSON.parse(verified.output.toString())).toMatchObject({ ok: true, hits: all.length });
  });
});

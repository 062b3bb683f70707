/** `zeef replicas` and `GET /v1/replicas`: the processes that use a store. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { replicasText } from '../../src/cli/replicas.js';
import { PACKAGE_VERSION } from '../../src/core/package-root.js';
import type { Replica } from '../../src/store/replicas-contract.js';
import { run, type Serving, serve } from '../support/processes.js';

const TIMEOUT_MS = 120_000;

const env = { ZEEF_DATA_DIR: join(tempFolder('replicas'), 'data'), ZEEF_WORKERS: '1', ZEEF_LOG_LEVEL: 'warn' };
const services: Serving[] = [];
afterAll(() => Promise.all(services.map((one) => one.end('SIGKILL'))));

const zeef = async (...args: string[]) => {
  const { code, output } = await run(env, 'replicas', ...args);
  expect(code).toBe(0);
  return output.toString();
};
const listed = async () => (JSON.parse(await zeef('--json')) as { replicas: Replica[] }).replicas;

test(
  'lists each serving process until it stops, and a killed one as gone later',
  async () => {
    expect(await zeef()).toBe('no replicas\n');
    expect(await listed()).toEqual([]);
    services.push(...(await Promise.all([serve(env), serve(env)])));
    const [one, two] = services as [Serving, Serving];
    const found = await listed();
    const self = { host: hostname(), kind: 'serve', codeVersion: PACKAGE_VERSION, skewMs: 0, isLive: true };
    expect(found).toMatchObject([self, self]);
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
    const facts = ({ seenMsAgo: _, ...rest }: Replica) => rest;
    const { replicas } = (await (await fetch(`${one.url}/v1/replicas`)).json()) as { replicas: Replica[] };
    expect(replicas.map(facts)).toEqual(found.map(facts));
    const lines = (await zeef()).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^ID +KIND +VERSION +GENERATION +SEEN +SKEW +HOST$/);
    // The service says the same of itself, in the way that a balancer reads.
    expect(await (await fetch(`${two.url}/readyz`)).json()).toMatchObject({ notReady: ['no_list'], clockSkewMs: 0 });
    await expect
      .poll(async () => (await fetch(`${one.url}/metrics`)).text(), { timeout: 20_000 })
      .toMatch(/^zeef_replicas_live 2$/m);
    await one.end('SIGTERM');
    expect(one.output().toString()).not.toContain('replica');
    const left = await listed();
    expect(left).toHaveLength(1);
    await two.end('SIGKILL');
    expect((await listed()).map(facts)).toEqual(left.map(facts));
  },
  TIMEOUT_MS,
);

const replica: Replica = {
  id: '0123456789ab',
  host: 'zeef-0',
  kind: 'serve',
  codeVersion: '0.2.0',
  generation: 17,
  skewMs: 0,
  seenMsAgo: 2_999,
  isLive: true,
};

test('the table has a line for each, of the width that their values need', () => {
  const gone = { ...replica, kind: 'worker', seenMsAgo: 7_199_999, isLive: false, skewMs: -2_345 } as const;
  const replicas = [replica, gone, { ...gone, seenMsAgo: 90_000_000, generation: 123_456_789_012 }];
  expect(replicasText(replicas, null)).toBe(
    `ID            KIND    VERSION  GENERATION    SEEN       SKEW      HOST
0123456789ab  serve   0.2.0    17            2 s        0 ms      zeef-0
0123456789ab  worker  0.2.0    17            gone 1 h   -2345 ms  zeef-0
0123456789ab  worker  0.2.0    123456789012  gone 25 h  -2345 ms  zeef-0
`,
  );
  expect(replicasText([{ ...replica, seenMsAgo: 60_000 }], null)).toContain(' 1 min ');
});

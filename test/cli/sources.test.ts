/** `zeef lists source` and `zeef lists sync`, as an operator uses them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { stopNciiServer } from '../lists/import/sources/stopncii-server.js';
import { inProcess } from '../support/command-line.js';
import { startService } from '../support/running.js';

const dataDir = tempFolder('sources');
const publisher = stopNciiServer();
for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const asked = { method: 'GET', url: new URL(request.url!, url), headers: request.headers, body: '' };
    const { status = 200, headers = {}, body = '' } = publisher.answer(asked);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const zeef = (args: readonly string[], env: Record<string, string> = {}) =>
  inProcess(childEnv({ ZEEF_DATA_DIR: dataDir, ...env }), ...args);
const set = (...more: string[]) => ['lists', 'source', 'ncii', '--type', 'stopncii', '--url', url, '--json', ...more];
const SECRETS = { MY_FUNCTION: 'funct10n==', MY_SUBSCRIPTION: 'subscr1pt10n' };

test('secrets by their variables, then sealed; a sync; the state; the end', async () => {
  const named = await zeef(set('--secret-env', 'MY_FUNCTION', '--secret', 'subscriptionKey=MY_SUBSCRIPTION'));
  const secrets = [
    { role: 'functionKey', variable: 'MY_FUNCTION' },
    { role: 'subscriptionKey', variable: 'MY_SUBSCRIPTION' },
  ];
  expect(JSON.parse(named.out)).toMatchObject({ list: 'ncii', type: 'stopncii', secrets, state: 'idle' });
  const missing = await zeef(['lists', 'sync', 'ncii']);
  expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('MY_FUNCTION is not set') });
  const synced = await zeef(['lists', 'sync', 'ncii', '--json'], SECRETS);
  expect({ ...synced, out: JSON.parse(synced.out) }).toMatchObject({ code: 0, out: { list: 'ncii', accepted: 3 } });

  const flags = ['--secret-env', 'MY_FUNCTION', '--secret', 'subscriptionKey=MY_SUBSCRIPTION', '--seal'];
  expect(await zeef(set(...flags))).toMatchObject({ code: 2, err: expect.stringContaining('MY_FUNCTION is not set') });
  const sealed = await zeef(set(...flags), SECRETS);
  expect(JSON.parse(sealed.out)).toMatchObject({
    secrets: [
      { role: 'functionKey', variable: null },
      { role: 'subscriptionKey', variable: null },
    ],
    checkpoint: '1003',
    lastTry: { outcome: 'synced' },
  });
  expect(sealed.out + sealed.err).not.toMatch(/funct10n|subscr1pt10n|"sealed"/);
  publisher.withdraw(1, 2_000);
  expect(await zeef(['lists', 'sync'])).toMatchObject({ code: 0, out: expect.stringContaining('ncii') });
  expect(JSON.parse((await zeef(['lists', 'source', 'ncii', '--json'])).out)).toMatchObject({ checkpoint: '2000' });
  expect(await zeef(['lists', 'source', 'ncii', '--forget'])).toMatchObject({ code: 0, out: 'ncii: has no source\n' });
  expect(await zeef(['lists', 'source', 'ncii'])).toMatchObject({ code: 2, err: expect.stringContaining('NOT_FOUND') });
  expect(await zeef(['lists', 'sync', 'ncii'])).toMatchObject({ code: 2, err: expect.stringContaining('NOT_FOUND') });
});

test.each([
  [['--secret-env', 'ZEEF_LIST_KEY'], 'ZEEF_'],
  [['--secret', 'accessToken=X'], 'functionKey subscriptionKey'],
  [['--secret', 'functionKey'], 'NAME=VARIABLE'],
  [['--members', '1'], 'ncmec'],
  [['--group', '1'], 'threatexchange'],
])('%j is refused, and no list is made', async (flags, why) => {
  const args = set(...flags).map((arg) => (arg === 'ncii' ? 'refused' : arg));
  expect(await zeef(args)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
  expect(await zeef(['lists', 'source', 'refused'])).toMatchObject({ err: expect.stringContaining('LIST_NOT_FOUND') });
});

test('a list that another process syncs is left to it', async () => {
  await zeef(set('--secret-env', 'MY_FUNCTION', '--secret', 'subscriptionKey=MY_SUBSCRIPTION'));
  const running = await startService({ dataDir });
  expect(await running.service.store.duties.take('sync ncii', 60_000)).not.toBeNull();
  const refused = { code: 2, err: expect.stringContaining('another process syncs this list') };
  expect(await zeef(['lists', 'sync', 'ncii'], SECRETS)).toMatchObject(refused);
  await running.stop();
});

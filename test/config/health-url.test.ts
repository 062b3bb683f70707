import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { healthUrl } from '../../src/config/health-url.js';
import { artefact } from '../../src/core/package-root.js';

test.each([
  ['default', {}, undefined, 'http://127.0.0.1:8080/livez'],
  ['variable', { ZEEF_PORT: '9191' }, undefined, 'http://127.0.0.1:9191/livez'],
  ['file', {}, '{"port": 9192}', 'http://127.0.0.1:9192/livez'],
  ['variable over file', { ZEEF_PORT: '9191' }, '{"port": 9192}', 'http://127.0.0.1:9191/livez'],
  ['an address of an orchestrator', { ZEEF_PORT: 'tcp://10.0.0.7:9191' }, undefined, 'http://127.0.0.1:8080/livez'],
  ['an address, and a file', { ZEEF_PORT: 'tcp://10.0.0.7:9191' }, '{"port": "9192"}', 'http://127.0.0.1:9192/livez'],
  ['all IPv4 addresses', { ZEEF_HOST: '0.0.0.0' }, undefined, 'http://127.0.0.1:8080/livez'],
  ['all addresses', { ZEEF_HOST: '::' }, undefined, 'http://[::1]:8080/livez'],
  ['one address', { ZEEF_HOST: '192.0.2.7' }, undefined, 'http://192.0.2.7:8080/livez'],
] as const)('%s', (_, env, fileText, url) => {
  expect(healthUrl({ env, fileText })).toBe(url);
});

test('the command exits with 0 for 200, with 1 for another status, no response or no file', async () => {
  const check = (env: Record<string, string>) =>
    new Promise((resolve) => {
      execFile(process.execPath, [artefact('src', 'healthcheck.js')], { env }, (error, out) =>
        resolve([error ? error.code : 0, out]),
      );
    });
  let status = 200;
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/livez' ? status : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Retried: on a busy machine a response can take longer than the check waits.
  const { port } = server.address() as AddressInfo;
  await expect
    .poll(() => check({ ZEEF_PORT: String(port) }))
    .toEqual([0, `http://127.0.0.1:${port}/livez answered 200\n`]);
  const path = join(tempFolder('health'), 'zeef.config.json');
  writeFileSync(path, JSON.stringify({ port }));
  await expect.poll(() => check({ ZEEF_CONFIG: path })).toEqual([0, expect.stringContaining('answered 200')]);
  status = 503;
  await expect.poll(() => check({ ZEEF_CONFIG: path })).toEqual([1, `http://127.0.0.1:${port}/livez answered 503\n`]);
  await new Promise((resolve) => server.close(resolve));
  expect(await check({ ZEEF_PORT: String(port) })).toEqual([
    1,
    expect.stringContaining('no answer: connect ECONNREFUSED'),
  ]);
  expect(await check({ ZEEF_PORT: 'none' })).toEqual([1, expect.stringContaining('no answer: ')]);
  expect(await check({ ZEEF_CONFIG: `${path}.gone` })).toEqual([1, expect.stringContaining('no answer: ENOENT')]);
});

/** SIGTERM ends a service within its time, whatever its sources do. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { run, serve } from '../support/processes.js';

/** A page may take a minute; without a stop, the end would wait for it. */
const AT_ONCE_MS = 30_000;

test('a source that does not answer, and one that never ends, do not delay the end of a service', async () => {
  const asked = new Set<string>();
  const source = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://source');
    asked.add(pathname);
    const next = `/endless?n=${Number(searchParams.get('n') ?? 0) + 1}`;
    if (pathname === '/endless') response.end(JSON.stringify({ results: [], next }));
  });
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(source.address() as AddressInfo).port}`;
  const env = { ZEEF_DATA_DIR: tempFolder('stop-syncs'), ZEEF_SHUTDOWN_MS: '1000', ZEEF_LEDGER: 'off' };
  for (const name of ['hangs', 'endless']) {
    const args = ['--type', 'tech-against-terrorism', '--url', `${base}/${name}`, '--every', '60'];
    expect(await run(env, 'lists', 'source', name, ...args)).toMatchObject({ code: 0 });
  }
  const serving = await serve(env);
  while (asked.size < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const startedMs = performance.now();
  await serving.end('SIGTERM');
  expect(performance.now() - startedMs).toBeLessThan(AT_ONCE_MS);
  expect(serving.child.exitCode).toBe(0);
  source.closeAllConnections();
  await new Promise((resolve) => source.close(resolve));
});

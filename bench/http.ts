/** The whole service over HTTP on loopback, with requests by autocannon. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { readConfig } from '../src/config/read-config.js';
import { createServer } from '../src/http/server.js';
import { createService } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';
import { createMetrics } from '../src/telemetry/prometheus.js';
import { listRows } from './list-rows.js';
import { pdqLike } from './pdq-like.js';
import { uploads } from './pictures.js';
import { millisecondsOf, startTreeClock } from './processor.js';
import type { BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const BATCH_ITEMS = 1_000;

export async function http({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const dataDir = tempFolder('http');
  const rows: (string | number)[][] = [];
  const entries = smoke ? 1_000 : 1_000_000;
  let answered = 0;
  let nextClient = 0;
  const values = pdqLike(entries, 1);
  // The same few images are sent repeatedly: except in the last row none may be answered from the cache.
  for (const [workers, cacheBytesMax, says] of [
    ['1', '0', '1 worker'],
    ['2', '0', '2 workers'],
    ['1', '134217728', 'repeated'],
  ] as const) {
    const config = readConfig({
      env: {},
      flags: { dataDir: join(dataDir, 'data'), workers, cacheBytesMax, logLevel: 'silent', queueImagesPerWorker: '64' },
    });
    const log = createLogger(config.logLevel);
    const service = await createService(config, { log, metrics: createMetrics() });
    if ((await service.lists()).length === 0) {
      await service.store.lists.createList({ list: 'bench', kind: 'match', radiusBits: 31 });
      await service.store.lists.replaceEntries('bench', listRows('pdq', values));
      await service.reload();
    }
    const server = await createServer(service, log);
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const connections = smoke ? 2 : 16;
    // Each connection appends another byte to its images, so that no two requests in flight are joined.
    const files = (await uploads(smoke ? 2 : 32)).flatMap((file) =>
      Array.from({ length: connections }, (_, connection) => Buffer.concat([file, Buffer.from([connection])])),
    );
    const queries = pdqLike(BATCH_ITEMS, 9);
    const items = Array.from({ length: BATCH_ITEMS }, (_, at) => ({
      pdq: Buffer.from(queries.subarray(at * 32, at * 32 + 32)).toString('hex'),
    }));
    const post = (path: string, type: string, body: string | Buffer) => ({
      method: 'POST' as const,
      path,
      headers: { 'content-type': type },
      body,
    });
    const plans: [string, number, autocannon.Request[]][] = [
      [`POST /v1/check, JPEG 500x375, ${says}`, 1, files.map((file) => post('/v1/check', 'image/jpeg', file))],
      ...(says === '1 worker'
        ? ([
            [
              'POST /v1/check/hashes, one item',
              1,
              items
                .slice(0, 50)
                .map((item) => post('/v1/check/hashes', 'application/json', JSON.stringify({ items: [item] }))),
            ],
            [
              `POST /v1/check/hashes, ${BATCH_ITEMS} items`,
              BATCH_ITEMS,
              [post('/v1/check/hashes', 'application/json', JSON.stringify({ items }))],
            ],
          ] as [string, number, autocannon.Request[]][])
        : []),
    ];
    for (const [name, itemsPerRequest, requests] of plans) {
      // The first image starts the decoder.
      await autocannon({ url, connections: 1, amount: 1, requests: requests.slice(0, 1) });
      const stop = startTreeClock();
      const result = await autocannon({
        url,
        connections,
        duration: smoke ? 1 : 8,
        requests,
        setupClient: (client) => {
          const own = requests.filter((_, at) => at % connections === nextClient % connections);
          nextClient++;
          client.setRequests(own.length > 0 ? own : requests);
        },
      });
      const spent = stop();
      const good = result['2xx'];
      if (good > 0) answered++;
      rows.push([
        name,
        (good * itemsPerRequest) / result.duration,
        millisecondsOf(spent, good * itemsPerRequest),
        result.latency.p50,
        result.latency.p99,
        result.non2xx + result.errors,
      ]);
    }
    await server.close();
    await service.close();
  }
  rmSync(dataDir, { recursive: true });
  return {
    title: `HTTP on loopback, ${entries.toLocaleString('en')} PDQ entries, all orientations, client included`,
    notes: ['CPU: processor time of a check, with that of the client, which is in the same process'],
    columns: ['request', 'checks/s', 'CPU ms', 'p50 ms', 'p99 ms', 'failed'],
    rows,
    checksum: `${answered} of ${rows.length} rows answered`,
  };
}

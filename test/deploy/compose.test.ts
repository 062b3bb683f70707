/** deploy/compose.yaml and the proxy of it: against the specification, the image and the program. Each check is seen to refuse. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { composeFitFaults, composeSchemaFaults } from '../support/compose-checks.js';
import { documentsOf } from '../support/deploy-files.js';

const FOLDER = 'deploy';
const files: Readonly<Record<string, string>> = {
  'compose.yaml': readFileSync('deploy/compose.yaml', 'utf8'),
  'haproxy.cfg': readFileSync('deploy/haproxy.cfg', 'utf8'),
};

function faultsOf(texts: Readonly<Record<string, string>>): string[] {
  const [file] = documentsOf(texts['compose.yaml']!);
  return [...composeSchemaFaults(file!), ...composeFitFaults(file!, { folder: FOLDER, proxy: texts['haproxy.cfg']! })];
}

test('the services are what the specification knows, and fit each other, the image and the program', () => {
  expect(faultsOf(files)).toEqual([]);
});

const [COMPOSE, PROXY] = ['compose.yaml', 'haproxy.cfg'];
const MUTANTS: readonly (readonly [string, string, string, RegExp])[] = [
  [COMPOSE, 'stop_grace_period: 20s', 'stop_grace_periods: 20s', /additional properties.*stop_grace_periods/],
  [COMPOSE, 'replicas: 2', 'replicas: two', /replicas must be integer/],
  [COMPOSE, 'interval: 5s', 'interval: five', /interval must match format/],
  [COMPOSE, 'ZEEF_WORKERS: "2"', 'ZEEF_WORKER: "2"', /unknown environment variable: ZEEF_WORKER/],
  [COMPOSE, 'ZEEF_WORKERS: "2"', 'ZEEF_DATABASE_URL: "postgres://zeef:p@postgres/zeef"', /a secret in the environment/],
  [COMPOSE, 'image: zeef:0.2.0', 'image: zeef:0.1.0', /the image is zeef:0\.1\.0/],
  [COMPOSE, 'stop_grace_period: 20s', 'stop_grace_period: 5s', /killed before it has ended/],
  [COMPOSE, 'secrets: [zeef.json, list.key]', 'secrets: [zeef.json]', /list\.key is not mounted/],
  [COMPOSE, '  list.key:\n    file', '  master.key:\n    file', /no secret list\.key/],
  [COMPOSE, 'networks: [store]', 'networks: [stores]', /no network stores/],
  [COMPOSE, 'networks: [store, front]', 'networks: [store]', /no network to Zeef/],
  [COMPOSE, 'source: database', 'source: data', /no volume data/],
  [COMPOSE, 'source: ./haproxy.cfg', 'source: ./proxy.cfg', /no file .*proxy\.cfg/],
  [COMPOSE, '      postgres:\n        condition', '      database:\n        condition', /no service database/],
  [COMPOSE, '        target: /data', '        source: database\n        target: /data', /no data folder of its own/],
  [COMPOSE, 'dist/src/healthcheck.js', 'dist/healthcheck.js', /not the health check of the image/],
  [COMPOSE, 'read_only: true\n    tmpfs', 'read_only: false\n    tmpfs', /more rights than it needs/],
  [COMPOSE, '127.0.0.1:8080:8080', '127.0.0.1:8080:80', /127\.0\.0\.1:8080:80 is not bound/],
  [PROXY, 'GET /readyz', 'GET /health', /\/health is no route/],
  [PROXY, 'zeef:8080 check', 'zeef:80 check', /port 80 is not that of the image/],
  [PROXY, 'zeef 8 zeef:8080', 'zeef 1 zeef:8080', /fewer places than processes/],
  [PROXY, 'zeef 8 zeef:8080', 'zeef 8 postgres:8080', /postgres is not Zeef/],
  [PROXY, 'timeout server 40s', 'timeout server 10s', /ends a request before Zeef does/],
];

test.each(MUTANTS)('%s with another %j is refused', (file, text, mutant, says) => {
  expect(files[file]).toContain(text);
  const faults = faultsOf({ ...files, [file]: files[file]!.replace(text, mutant) });
  expect(faults.join('\n')).toMatch(says);
});

/** deploy/kubernetes/: against the API of Kubernetes, and against the image and the program. Each check is seen to refuse. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { METRICS } from '../../src/telemetry/metrics.js';
import { at, documentsOf, type Node } from '../support/deploy-files.js';
import { fitFaults } from '../support/kubernetes-checks.js';
import { schemaFaults, typeFaults } from '../support/kubernetes-schema.js';

const FOLDER = 'deploy/kubernetes';
const files = new Map(
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]),
);
const objectsOf = (texts: ReadonlyMap<string, string>) => [...texts.values()].flatMap(documentsOf);
const faultsOf = (objects: readonly Node[]) => [
  ...objects.flatMap(schemaFaults),
  ...typeFaults(objects),
  ...fitFaults(objects),
];

test('the objects are what Kubernetes knows, and fit each other, the image and the program', () => {
  const objects = objectsOf(files);
  expect(objects.map(({ kind }) => kind).sort()).toEqual([
    'ConfigMap',
    'Deployment',
    'HorizontalPodAutoscaler',
    'Job',
    'NetworkPolicy',
    'NetworkPolicy',
    'Pod',
    'PodDisruptionBudget',
    'Secret',
    'Secret',
    'Service',
  ]);
  expect(faultsOf(objects)).toEqual([]);
});

const [SERVE, SCAN, ADMIN, SECRET] = ['deployment.yaml', 'once/scan.yaml', 'once/admin.yaml', 'once/secret.yaml'];
/** What is changed in a file, to what, and what the checks say of it. */
const MUTANTS: readonly (readonly [string, string, string, RegExp])[] = [
  [SERVE, 'failureThreshold: 120', 'failureTreshold: 120', /failureTreshold/],
  [SERVE, 'periodSeconds: 5', 'periodSeconds: often', /periodSeconds must be integer/],
  [SERVE, 'apiVersion: apps/v1', 'apiVersion: apps/v1beta2', /v1beta2 is not stable/],
  ['service.yaml', 'kind: Service', 'kind: Servise', /no Servise/],
  ['service.yaml', '      port: 80', '      port: http', /port must be integer/],
  [SERVE, 'name: ZEEF_WORKERS', 'name: ZEEF_WORKER', /unknown environment variable: ZEEF_WORKER/],
  [SERVE, 'value: "2"', 'value: "0"', /workers/],
  [SERVE, 'path: /readyz', 'path: /ready', /\/ready, which is no route/],
  [
    SERVE,
    'path: /readyz\n              port: http',
    'path: /readyz\n              port: web',
    /web, which is not open/,
  ],
  [SERVE, 'containerPort: 8080', 'containerPort: 8081', /8081 is not that of the image/],
  [SERVE, 'prometheus.io/port: "8080"', 'prometheus.io/port: "9090"', /9090 is not that of the image/],
  ['service.yaml', 'targetPort: http', 'targetPort: https', /Service: no pod has the port https/],
  ['network-policy.yaml', '- port: http', '- port: https', /NetworkPolicy: no pod has the port https/],
  [SERVE, 'component: serve\n      annotations', 'component: server\n      annotations', /selector is not of its pods/],
  ['service.yaml', 'component: serve', 'component: server', /Service zeef: \/spec\/selector selects no pod/],
  ['disruption-budget.yaml', 'component: serve', 'component: server', /PodDisruptionBudget zeef: .* selects no pod/],
  ['network-policy.yaml', 'component: scan', 'component: scanner', /NetworkPolicy .* selects no pod/],
  [ADMIN, 'component: admin', 'component: serve', /sends requests to Pod zeef-admin/],
  ['autoscaler.yaml', '          name: zeef_decoder_queue', '          name: zeef_queue', /zeef_queue is no gauge/],
  ['autoscaler.yaml', '          name: zeef_decoder_queue', '          name: zeef_checks_total', /is no gauge/],
  ['autoscaler.yaml', '    kind: Deployment', '    kind: StatefulSet', /no StatefulSet zeef/],
  ['autoscaler.yaml', 'maxReplicas: 10', 'maxReplicas: 1', /number of replicas/],
  [SERVE, '              cpu: "2"\n', '', /no request of cpu/],
  [SERVE, 'secretName: zeef', 'secretName: zeef-secrets', /no secret zeef-secrets/],
  [SERVE, '- name: tmp\n          emptyDir', '- name: temp\n          emptyDir', /no volume tmp/],
  [
    SERVE,
    '- name: tmp\n              mountPath: /tmp',
    '- name: tmp\n              mountPath: /var/tmp',
    /\/tmp is not writable/,
  ],
  [
    SERVE,
    'value: /run/secrets/zeef/list.key',
    'value: /run/secrets/zeef/master.key',
    /nothing is mounted at .*master\.key/,
  ],
  [SCAN, 'configMap:\n            name: zeef-scan', 'configMap:\n            name: scan', /no configuration scan/],
  [SCAN, 'sh, /etc/zeef-scan/scan.sh', 'sh, /etc/zeef-scan/run.sh', /nothing is mounted at .*run\.sh/],
  [SCAN, 'key: server-key', 'key: key', /ZEEF_SERVER_KEY is of a secret without it/],
  [SCAN, 'claimName: images', 'claimName: pictures', /no claim pictures/],
  [SCAN, 'completions: 3', 'completions: 4', /4 indexes, and 3 folders/],
  [SERVE, 'image: zeef:0.2.0', 'image: zeef:latest', /the image is zeef:latest/],
  [SERVE, 'runAsNonRoot: true', 'runAsNonRoot: false', /not the user of the image/],
  [SERVE, 'readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', /a root file system that is written/],
  [SERVE, 'drop: [ALL]', 'drop: [NET_RAW]', /capabilities/],
  [SCAN, 'automountServiceAccountToken: false', 'automountServiceAccountToken: true', /token of the cluster/],
  [SCAN, '            limits:\n              memory: 7Gi\n', '', /no bound on memory/],
  [SERVE, 'terminationGracePeriodSeconds: 30', 'terminationGracePeriodSeconds: 15', /killed before it has ended/],
  [SECRET, 'list.key: ""', 'list.key: "00"', /list\.key has a value/],
  [SECRET, 'zeef.json: ""', 'zeef.json: "{}"', /zeef\.json would be used/],
];

test.each(MUTANTS)('%s with another %j is refused', (file, text, mutant, says) => {
  const before = files.get(file)!;
  expect(before).toContain(text);
  const after = before.replace(text, mutant);
  expect(faultsOf(objectsOf(new Map([...files, [file, after]]))).join('\n')).toMatch(says);
});

test('the rule of the adapter is of the metric of the autoscaler', () => {
  const text = files.get('autoscaler.yaml')!;
  const named = text.match(/\bzeef_\w+/g)!;
  expect(named.length).toBeGreaterThan(2);
  for (const name of named) expect(METRICS).toHaveProperty(name);
});

describe('the script of a scan', () => {
  const script = String(
    at(
      objectsOf(files).find(({ kind }) => kind === 'ConfigMap'),
      'data',
    )['scan.sh'],
  );
  /** Run it with a `node` that writes its arguments and ends with `code`. */
  const run = (index: string, code = 0) => {
    const folder = tempFolder('scan-job');
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'node'), `#!/bin/sh\necho "$*"\nexit ${code}\n`);
    chmodSync(join(folder, 'bin', 'node'), 0o755);
    const listed = join(folder, 'folders');
    writeFileSync(listed, '2024\nall of 2025\n');
    const env = childEnv({
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      JOB_COMPLETION_INDEX: index,
      LISTED: listed,
      IMAGES: '/images',
      SERVER: 'http://zeef',
      RESULTS: '/scan',
    });
    return spawnSync('sh', ['-c', script], { env, encoding: 'utf8', timeout: 20_000 });
  };

  test('scans the folder of its index, with results of its own', () => {
    const { status, stdout } = run('1');
    expect(status).toBe(0);
    expect(stdout.trim()).toBe(
      'dist/src/main.js scan /images/all of 2025 --server http://zeef --resume /scan/inventory --report /scan/report.jsonl --summary /scan/summary.html',
    );
  });

  test.each([
    [0, 0],
    [1, 0],
    [2, 2],
    [130, 130],
    [137, 137],
  ])('a scan that ends with %i ends the pod with %i', (code, status) => {
    expect(run('0', code).status).toBe(status);
  });

  test('an index without a folder is a fault, and scans nothing', () => {
    expect(run('2')).toMatchObject({ status: 2, stdout: '' });
  });
});

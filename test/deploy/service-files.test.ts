/** The unit of systemd and the proxy of nginx: what they say fits what Zeef does. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KNOBS } from '../../src/config/knobs.js';
import { orLeftOut } from '../support/left-out.js';

const unit = readFileSync('deploy/systemd/zeef.service', 'utf8');
const nginx = readFileSync('deploy/nginx/zeef.conf', 'utf8');
const UNITS = ['zeef.service', 'zeef-verify.service', 'zeef-verify.timer'].map((name) => `deploy/systemd/${name}`);

const hasAnalyze = orLeftOut(
  spawnSync('systemd-analyze', ['--version']).error === undefined,
  'no systemd-analyze',
  'tests of the units by systemd itself',
);

test.runIf(hasAnalyze)('systemd finds no fault in the units', () => {
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...UNITS], { encoding: 'utf8' });
  // The program and its user are not on this machine.
  const faults = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line.includes('zeef') && !/not executable|No such file/.test(line));
  expect(faults).toEqual([]);
});

test('every line of a unit is a section, a setting, a comment or empty, and no setting is twice', () => {
  for (const path of UNITS) {
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of lines) expect(line).toMatch(/^(\[(Unit|Service|Install|Timer)\]|[A-Z][A-Za-z]+=.*)$/);
    const names = lines
      .map((line) => line.split('=')[0]!)
      .filter((name) => name !== 'ExecStart' && name !== 'Environment');
    expect(new Set(names).size).toBe(names.length);
  }
});

test('the unit gives a stop more time than Zeef takes, and leaves the decoder its namespaces', () => {
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]) * 1_000).toBeGreaterThan(KNOBS.shutdownMs.default);
  expect(unit).not.toMatch(/^RestrictNamespaces=/m);
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute=(true|yes)/m);
});

test('the proxy waits longer than Zeef, has no limit of its own, and repeats nothing', () => {
  for (const name of ['proxy_send_timeout', 'proxy_read_timeout'])
    expect(Number(new RegExp(`${name} (\\d+)s;`).exec(nginx)![1]) * 1_000).toBeGreaterThan(
      KNOBS.requestTimeoutMs.default,
    );
  expect(nginx).toContain('client_max_body_size 0;');
  expect(nginx).toContain('proxy_next_upstream off;');
  expect(nginx.match(/\{/g)).toHaveLength(nginx.match(/\}/g)!.length);
});

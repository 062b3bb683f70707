/** `zeef config show`, `zeef doctor` and `zeef health`, as an operator uses them. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { KNOBS, type KnobName } from '../../src/config/knobs.js';
import { readConfig, shownValue } from '../../src/config/read-config.js';
import { inProcess } from '../support/command-line.js';
import { run } from '../support/processes.js';
import { type Running, startService } from '../support/running.js';

const zeef = (env: Record<string, string>, ...argv: string[]) => inProcess(childEnv(env), ...argv);
const lines = (text: string) => text.trimEnd().split('\n');

describe('config show', () => {
  test('each knob, its value and where it comes from', async () => {
    const folder = tempFolder('config');
    const file = join(folder, 'zeef.json');
    writeFileSync(file, JSON.stringify({ port: 9_001, workers: 3, radiusBits: 20 }));
    const env = { ZEEF_PORT: '9002', ZEEF_WORKERS: '4' };
    const { code, out } = await zeef(env, '--config', file, '--workers', '5', 'config', 'show', '--json');
    const shown = JSON.parse(out) as { file: string; values: { name: string; value: string; from: string }[] };
    expect([code, shown.file, shown.values.map(({ name }) => name)]).toEqual([0, file, Object.keys(KNOBS)]);
    const of = (name: string) => shown.values.find((one) => one.name === name);
    expect(of('port')).toMatchObject({ value: '9002', from: 'environment' });
    expect(of('workers')).toMatchObject({ value: '5', from: 'flag' });
    expect(of('radiusBits')).toMatchObject({ value: '20', from: 'file' });
    expect(of('host')).toMatchObject({ value: '127.0.0.1', from: 'default' });
    const { out: changed } = await zeef(env, 'config', 'show', '--changed');
    expect(
      lines(changed)
        .slice(1)
        .map((line) => line.split(/\s+/)),
    ).toEqual([
      expect.arrayContaining(['ZEEF_PORT', '9002', 'environment']),
      expect.arrayContaining(['ZEEF_WORKERS', '4', 'environment']),
    ]);
  });

  test('fits 80 columns, but for long values', async () => {
    const { out } = await zeef({}, 'config', 'show');
    expect(Math.max(...lines(out).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines(out).length).toBe(Object.keys(KNOBS).length + 1);
  });

  test('no secret is shown', async () => {
    const key = `${'c0ffee'.repeat(10)}abcd`;
    const env = { ZEEF_LIST_KEY: key, ZEEF_DATABASE_URL: 'postgres://zeef:pa/ssw0rd@db:5432/zeef?sslpassword=s3cret' };
    for (const more of [[], ['--json']]) {
      const { code, out, err } = await zeef(env, 'config', 'show', ...more);
      expect(code).toBe(0);
      expect(out + err).not.toMatch(/c0ffee|w0rd|s3cret|pa\/ss/);
      expect(out).toContain('postgres://db:5432/zeef');
    }
    for (const databaseUrl of [
      'zeef:pw@db/zeef',
      'postgres://a:b@c',
      'postgres://a:b?@c',
      'postgres://a:b@b@c',
      'postgres://c?x=b@c',
    ])
      expect(shownValue('databaseUrl', readConfig({ env: {}, flags: { databaseUrl } }))).not.toMatch(/pw|b/);
  });

  test('each knob that holds a secret or an address says so', () => {
    const marked = (Object.keys(KNOBS) as KnobName[]).filter((name) => 'shown' in KNOBS[name]);
    expect(marked).toEqual(['databaseUrl', 'blobs', 'listKey']);
    const suspect = (Object.keys(KNOBS) as KnobName[]).filter((name) => /key$|secret|password|token|url$/i.test(name));
    expect(marked).toEqual(expect.arrayContaining(suspect));
  });

  test('what is wrong: all of it, with the nearest names', async () => {
    const { code, err } = await zeef({ ZEEF_PROT: '1', ZEEF_WORKERS: 'many' }, 'config', 'show');
    expect([code, err]).toEqual([2, expect.stringMatching(/ZEEF_PROT \(did you mean ZEEF_PORT\?\).*workers/)]);
    const gone = await zeef({}, '--config', '/nowhere/zeef.json', 'config', 'show');
    expect(gone).toMatchObject({ code: 2, err: expect.stringMatching(/\/nowhere\/zeef.json.*ENOENT: no such file/) });
  });
});

interface Finding {
  readonly part: string;
  readonly state: string;
  readonly says: string;
}

describe('doctor', () => {
  const doctor = async (env: Record<string, string>) => {
    const { code, out } = await zeef({ ZEEF_PORT: '0', ...env }, 'doctor', '--json');
    const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Finding[] };
    return { code, ok, of: Object.fromEntries(findings.map((one) => [one.part, one])), findings };
  };

  test('a machine in order: every part is ok, and fits 80 columns', async () => {
    const dataDir = tempFolder('doctor');
    await zeef({ ZEEF_DATA_DIR: dataDir }, 'lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
    const { code, ok, findings } = await doctor({ ZEEF_DATA_DIR: dataDir, ZEEF_DECODER_SANDBOX: 'off' });
    expect(findings.map(({ part, state }) => `${part} ${state}`)).toEqual([
      'folder ok',
      expect.stringMatching(/^disk (ok|warn)$/),
      'keys ok',
      'lists ok',
      'clock ok',
      'decoder ok',
      'port ok',
    ]);
    expect([code, ok]).toEqual([0, true]);
    expect(findings[1]!.says).toMatch(/^a sync takes \d+\.\d ms, \d+\.\d ms at most, of 20/);
    expect(findings[3]!.says).toMatch(/^sample \d+ entries, 0 days old$/);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('.doctor'))).toEqual([]);
    const { out } = await zeef({ ZEEF_DATA_DIR: dataDir, ZEEF_PORT: '0' }, 'doctor');
    expect(lines(out).filter((line) => line.length > 80 && line.includes(' ', 15))).toEqual([]);
  });

  test('no store: nothing is made', async () => {
    const folder = tempFolder('doctor');
    const { code, of } = await doctor({ ZEEF_DATA_DIR: join(folder, 'none') });
    expect([code, of.folder!.state, of.lists!.state]).toEqual([2, 'warn', 'fail']);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder that cannot be made, and a public address without a key', async () => {
    const { code, of } = await doctor({ ZEEF_DATA_DIR: '/proc/x' });
    expect([code, of.folder]).toMatchObject([2, { state: 'fail', says: expect.stringMatching(/\/proc\/x.*ENOENT/) }]);
    const dataDir = tempFolder('doctor');
    await zeef({ ZEEF_DATA_DIR: dataDir }, 'lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
    const open = await doctor({ ZEEF_DATA_DIR: dataDir, ZEEF_HOST: '0.0.0.0' });
    expect(open.of.keys).toMatchObject({ state: 'fail', says: expect.stringContaining('needs a key') });
    await zeef({ ZEEF_DATA_DIR: dataDir }, 'lists', 'disable', 'sample');
    expect((await doctor({ ZEEF_DATA_DIR: dataDir })).of.lists).toMatchObject({ state: 'fail' });
  });

  test('a database that does not answer: its password is not shown, and the other parts are tried', async () => {
    const env = { ZEEF_DATABASE_URL: 'postgres://zeef:s3cret@127.0.0.1:1/zeef', ZEEF_DATA_DIR: tempFolder('doctor') };
    const { code, of, findings } = await doctor(env);
    expect([code, of.database!.state, of.decoder!.part]).toEqual([2, 'fail', 'decoder']);
    expect(of.database!.says).toContain('ECONNREFUSED');
    expect(JSON.stringify(findings)).not.toContain('s3cret');
  });

  test('a port that another program uses', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { of } = await doctor({ ZEEF_DATA_DIR: tempFolder('doctor'), ZEEF_PORT: String(port) });
    await new Promise((resolve) => server.close(resolve));
    expect(of.port).toMatchObject({ state: 'fail', says: expect.stringContaining('another program') });
  });

  test('a master key that others may read', async () => {
    const dataDir = tempFolder('doctor');
    mkdirSync(join(dataDir, 'keys'));
    const file = join(dataDir, 'keys', 'key');
    writeFileSync(file, 'ab'.repeat(32), { mode: 0o644 });
    const env = { ZEEF_DATA_DIR: join(dataDir, 'data'), ZEEF_LIST_KEY_FILE: file };
    await zeef(env, 'lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
    expect((await doctor(env)).of.keys).toMatchObject({ state: 'warn', says: expect.stringContaining(file) });
  });
});

describe('health', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startService();
  });
  afterAll(() => running.stop());
  const portOf = (url: string) => ({ ZEEF_PORT: new URL(url).port });

  test('a service that answers, by the configuration and by its address', async () => {
    expect(await zeef(portOf(running.url), 'health')).toMatchObject({
      code: 0,
      out: `${running.url}/livez answered 200\n`,
    });
    const ready = await zeef({}, 'health', '--ready', '--url', `${running.url}/`, '--json');
    expect([ready.code, JSON.parse(ready.out)]).toMatchObject([0, { ok: true, url: `${running.url}/readyz` }]);
  });

  test('one that is not ready says why; none, and one that hangs', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/readyz') response.writeHead(503).end('{"notReady":["no_list","clock_skew"]}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await zeef({}, 'health', '--ready', '--url', url)).toMatchObject({
      code: 1,
      out: `${url}/readyz answered 503: no_list, clock_skew\n`,
    });
    expect(await zeef({}, 'health', '--url', url, '--timeout', '0.3')).toMatchObject({
      code: 1,
      out: 'no answer: none in 300 ms\n',
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // This process has a connection that was closed.
    expect(await run(portOf(url), 'health')).toMatchObject({ code: 1, out: expect.stringContaining('ECONNREFUSED') });
    expect(await zeef({}, 'health', '--url', 'somewhere')).toMatchObject({ code: 2 });
  });
});

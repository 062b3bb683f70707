import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { parseHash256 } from '../../src/core/hash256.js';
import { artefact } from '../../src/core/package-root.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { inProcess } from '../support/command-line.js';
import { corpusPath, hasCorpus, readCsv } from '../support/corpus.js';
import { run, serve } from '../support/processes.js';
import { sceneRaster } from '../support/random.js';
import { PHOTOGRAPHS, PICTURES } from '../support/running.js';

const dataDir = tempFolder('cli');
const MAIN = artefact('src', 'main.js');
const env = childEnv({ ZEEF_DATA_DIR: dataDir });

const zeef = (...args: string[]) => run(env, ...args);
/** The same in this process: commands of which there are many. */
const zeefHere = (...args: string[]) => inProcess(env, ...args);
/** The fields of a line that the tests read. */
interface Line {
  readonly type: string;
  readonly path: string;
  readonly verdict: string;
  readonly files: number;
  readonly notPictures: number;
  readonly digests: Record<string, string>;
  readonly pdq: { readonly hash: string; readonly quality: number };
  readonly pdqFull: { readonly hash: string };
  readonly orientations: Record<string, string>;
  readonly byVerdict: Record<string, number>;
  readonly byReason: Record<string, number>;
}

const jsonLines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

const listed = join(PICTURES, 'mate-freshflower.jpg');
const other = join(PHOTOGRAPHS, 'mate-dune.jpg');
const broken = join(dataDir, 'broken.jpg');

beforeAll(async () => {
  writeFileSync(broken, readFileSync(listed).subarray(0, 10_000));
  expect(await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample')).toMatchObject({ code: 0 });
});

describe('check and hash', () => {
  test.each<[string, string[], number, string[]]>([
    ['exit code 0 without a match', [other], 0, ['no_match']],
    ['exit code 1 with a match', [other, listed], 1, ['no_match', 'match']],
    [
      'exit code 2 with a file that could not be checked, even beside a match',
      [listed, broken, '/nowhere.jpg'],
      2,
      ['match', 'not_checked', 'not_checked'],
    ],
  ])('%s', async (_name, files, code, verdicts) => {
    const result = await zeef('check', '--json', ...files);
    expect(result.code).toBe(code);
    expect(jsonLines(result.out).map((line) => line.verdict)).toEqual(verdicts);
    expect(jsonLines(result.out).map((line) => line.path)).toEqual(files);
  });

  test('the text output has verdict, file, list/entry and algorithm', async () => {
    expect((await zeef('check', listed)).out).toMatch(/^match +\S*mate-freshflower\.jpg sample\/mate-freshflower md5/);
  });

  test('hash prints the reference’s hash and no verdict', async () => {
    const expected = readCsv(join(PICTURES, 'expected.csv')).find((row) => row.file === 'mate-freshflower.jpg')!;
    const { code, out } = await zeef('hash', '--json', '--orientations', 'all', listed);
    expect(code).toBe(0);
    const [line] = jsonLines(out);
    // Builds of libjpeg-turbo may differ by one step per sample: the reference's own tolerance is 10 bits.
    const distance = (a: string, b: string) => hamming256(parseHash256(a), parseHash256(b));
    expect(distance(line!.pdq.hash, expected.pdq_hash!)).toBeLessThanOrEqual(10);
    expect(distance(line!.pdqFull.hash, expected.pdq_hash_noresize!)).toBeLessThanOrEqual(10);
    expect(line!.pdq.quality).toBe(100);
    expect(Object.keys(line!.orientations)).toHaveLength(8);
    expect(line).not.toHaveProperty('verdict');
    expect((await zeef('hash', broken)).code).toBe(2);
  });
});

describe('scan', () => {
  test('every file is reported or counted; symbolic links are skipped', async () => {
    const tree = tempFolder('tree');
    mkdirSync(join(tree, 'a', 'b'), { recursive: true });
    await copyFile(listed, join(tree, 'a', 'b', 'one.bin'));
    await copyFile(other, join(tree, 'a', 'two.jpg'));
    writeFileSync(join(tree, 'three.txt'), 'text');
    writeFileSync(join(tree, 'new\nline.jpg'), readFileSync(broken));
    symlinkSync(tree, join(tree, 'a', 'circle'));
    const report = join(dataDir, 'report.jsonl');
    const { code, out } = await zeef('scan', tree, '--report', report);
    expect(code).toBe(2);
    expect(out).toMatch(/^files +4$/m);
    const lines = jsonLines(readFileSync(report, 'utf8'));
    expect(lines.map((line) => line.type).sort()).toEqual(['begin', 'match', 'not_checked', 'summary']);
    expect(lines.at(-1)).toMatchObject({
      files: 4,
      checked: 2,
      skipped: 1,
      interrupted: false,
      notPictures: 1,
      byVerdict: { match: 1, no_match: 1, suppressed: 0, not_checked: 1 },
      byReason: { truncated: 1 },
      byList: { sample: 1 },
    });
    expect(lines.find((line) => line.type === 'match')!.path).toBe(join(tree, 'a', 'b', 'one.bin'));
  });

  test.runIf(hasCorpus)(
    'corpus: every file is counted, and no undecodable file is reported as no_match',
    { timeout: 120_000 },
    async () => {
      const report = join(dataDir, 'corpus.jsonl');
      const { code } = await zeef('scan', corpusPath('corpus'), '--report', report, '--list-others');
      expect(code).toBe(2);
      const lines = jsonLines(readFileSync(report, 'utf8'));
      const summary = lines.at(-1)!;
      const manifest = readCsv(corpusPath('corpus/MANIFEST.csv'));
      // The manifest and the README are beside the images.
      expect(summary.files).toBe(manifest.length + 2);
      expect(Object.values(summary.byVerdict).reduce((a, b) => a + b) + summary.notPictures).toBe(summary.files);
      expect(Object.values(summary.byReason).reduce((a, b) => a + b)).toBe(summary.byVerdict.not_checked);
      const notChecked = new Set(
        lines
          .filter((line) => line.type === 'not_checked' || line.type === 'not_a_picture')
          .map((line) => line.path.slice(corpusPath('corpus').length + 1)),
      );
      for (const { file, expected } of manifest) {
        if (['error', 'limit', 'limit-or-error', 'reject-or-inert'].includes(expected!))
          expect(notChecked, file).toContain(file);
        if (expected === 'ok' || expected === 'ok-low-quality') expect(notChecked, file).not.toContain(file);
      }
    },
  );
});

describe('lists', () => {
  test('import takes the chosen categories alone', async () => {
    const file = join(dataDir, 'chosen.csv');
    writeFileSync(file, `value,category\n${'a1'.repeat(16)},US/1\n${'b2'.repeat(16)},2\n${'c3'.repeat(16)},3\n`);
    const chosen = (categories: string) =>
      zeefHere('lists', 'import', file, '--list', 'chosen', '--json', '--categories', categories);
    const { code, out } = await chosen('1,2');
    expect([code, JSON.parse(out)]).toMatchObject([0, { accepted: 2, rejectedByReason: { other_category: 1 } }]);
    expect(await chosen('4')).toMatchObject({ code: 2, err: expect.stringContaining('no row can be imported') });
    expect(await chosen('1,')).toMatchObject({ code: 2, err: expect.stringContaining('HASHLIST_INVALID') });
    expect((await zeefHere('lists', 'show')).out).toMatch(/^chosen +enabled +2 +1 +\d{4}-\d\d-\d\d \d\d:\d\d/m);
    expect(await zeefHere('lists', 'remove', 'chosen')).toMatchObject({ code: 0 });
  });

  test('import reports rejected rows with lines; show, verify, set, disable and remove work', async () => {
    const file = join(dataDir, 'mixed.txt');
    writeFileSync(file, `md5 ${'a'.repeat(32)}\nmd5 ${'A'.repeat(32)}\npdq ${'0'.repeat(64)}\nwhat is this\n`);
    const { code, out } = await zeef('lists', 'import', file, '--list', 'mixed', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      accepted: 1,
      duplicates: 1,
      rejected: 2,
      firstRejected: [
        { line: 3, reason: 'weight' },
        { line: 4, reason: 'malformed' },
      ],
    });
    expect((await zeefHere('lists', 'show', 'mixed')).out).toMatch(/^mixed: 1 entries/m);
    expect(await zeefHere('lists', 'verify', 'mixed')).toMatchObject({ code: 0 });
    expect((await zeefHere('lists', 'set', 'mixed', '--radius', '20')).out).toContain('radius 20');
    expect((await zeefHere('lists', 'set', 'mixed', '--radius', '257')).err).toContain('RADIUS_INVALID');
    expect((await zeefHere('lists', 'set', 'mixed', '--detail', 'deep')).out).toContain('detail deep');
    expect((await zeefHere('lists', 'show')).out).toContain('detail deep');
    expect((await zeefHere('lists', 'set', 'mixed', '--detail', 'all')).err).toContain('plain, standard, deep');
    expect((await zeefHere('lists', 'disable', 'mixed')).out).toContain('disabled');
    expect(await zeefHere('lists', 'remove', 'mixed')).toMatchObject({ code: 0 });
    expect(await zeefHere('lists', 'show', 'mixed')).toMatchObject({
      code: 2,
      err: expect.stringContaining('LIST_NOT_FOUND'),
    });
  });

  test('own images are added by their hashes, found when rotated, exported and imported again', async () => {
    const picture = join(dataDir, 'own.jpg');
    const turned = join(dataDir, 'own-turned.png');
    const { width, height, data } = sceneRaster(90, 700, 500, 3);
    const image = sharp(data, { raw: { width, height, channels: 3 } });
    await image.clone().jpeg({ quality: 90 }).toFile(picture);
    await image.clone().resize(600).rotate(90).png().toFile(turned);
    expect((await zeefHere('lists', 'add', 'desk', join(dataDir, 'nowhere.jpg'))).err).toContain('FILE_UNREADABLE');
    const { code, out } = await zeefHere(
      'lists',
      'add',
      'desk',
      picture,
      '--category',
      'A',
      '--source',
      'desk',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      images: [{ path: picture, reason: null, lowQuality: false }],
      report: { added: 5, held: [] },
    });
    expect(await zeefHere('check', turned, '--lists', 'desk')).toMatchObject({ code: 1 });
    const file = join(dataDir, 'desk.jsonl');
    expect((await zeefHere('lists', 'export', file, '--list', 'desk', '--plain')).code).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await zeefHere('lists', 'export', file, '--list', 'desk');
    expect(again.code, 'it is not written over').toBe(2);
    expect(again.err).toMatch(/^zeef: FILE_UNWRITABLE: .*EEXIST.*\n$/);
    expect(
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject(
      ['md5', 'sha1', 'sha256', 'pdq', 'pdq'].map((algorithm) => ({ algorithm, category: 'A', source: 'desk' })),
    );
    const sealed = join(dataDir, 'desk.sealed.jsonl');
    expect((await zeefHere('lists', 'export', sealed, '--list', 'desk')).code).toBe(0);
    expect(readFileSync(sealed, 'latin1')).not.toContain('"md5"');
    expect((await zeefHere('lists', 'import', sealed, '--list', 'copy')).code).toBe(0);
    const cache = await zeefHere('lists', 'export', '--list', 'copy', '--format', 'threatexchange-csv');
    expect(cache.out).toMatch(/^[0-9a-f]{64},\w+,[^,]+,\n[0-9a-f]{64},\w+,[^,]+,\n$/);
    expect((await zeefHere('lists', 'export', '--list', 'nowhere')).err).toContain('LIST_NOT_FOUND');
    expect((await zeefHere('lists', 'add', 'desk', 'README.md')).out).toContain('not added, not_an_image');
    for (const list of ['desk', 'copy']) await zeefHere('lists', 'remove', list);
  });

  test('a held import prints the reason; versions, approve, reject and rollback work', async () => {
    const list = (name: string, from: number, to: number) => {
      const path = join(dataDir, name);
      const lines = Array.from(
        { length: to - from },
        (_, at) => `md5 ${(from + at + 1).toString(16).padStart(32, '0')}`,
      );
      writeFileSync(path, lines.join('\n'));
      return path;
    };
    const bring = (path: string) => zeefHere('lists', 'import', path, '--list', 'watched');
    expect((await bring(list('one.txt', 0, 100))).code).toBe(0);
    const held = await bring(list('two.txt', 50, 150));
    expect(held.code).toBe(2);
    expect(held.out).toContain('HELD, the active version is unchanged:\n  100 entries added or removed (limit 20)');
    expect((await zeefHere('lists', 'versions', 'watched')).out).toMatch(
      /^VERSION +STATE .*\n2 +held .* two\.txt\n1 +active .* one\.txt\nHELD, the active .*$/s,
    );
    expect((await zeefHere('lists', 'reject', 'watched')).code).toBe(0);
    expect((await zeefHere('lists', 'approve', 'watched')).err).toContain('NOT_FOUND');
    await bring(join(dataDir, 'two.txt'));
    expect((await zeefHere('lists', 'approve', 'watched')).out).toContain('watched: version 2, 100 entries');
    expect((await zeefHere('lists', 'rollback', 'watched', '--to', '1')).out).toContain('50 added, 50 removed');
    expect(JSON.parse((await zeefHere('lists', 'versions', 'watched', '--json')).out).versions).toMatchObject([
      { version: 3, state: 'active', origin: 'version 1 again' },
      { version: 2, state: 'past', origin: 'approved: two.txt' },
      { version: 1, state: 'past', origin: 'one.txt' },
    ]);
    expect((await zeefHere('lists', 'import', join(dataDir, 'two.txt'), '--list', 'watched', '--approved')).code).toBe(
      0,
    );
    expect((await zeefHere('lists', 'remove', 'watched')).code).toBe(0);
  });

  test('a file without a valid row is refused with its line, and no list is created', async () => {
    const file = join(dataDir, 'bad.txt');
    writeFileSync(file, `\n${'e'.repeat(64)}\n`);
    expect(await zeefHere('lists', 'import', file, '--list', 'bad')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/HASHLIST_INVALID.*"line":2/),
    });
    expect((await zeefHere('lists', 'show')).out).not.toContain('bad');
  });
});

test.each([
  ['an error', "throw new Error('of a bug')"],
  ['a rejection', "Promise.reject(new Error('of a bug'))"],
])('%s that nothing handles ends a command with 2, since 1 means a match', async (_name, code) => {
  const late = `data:text/javascript,${encodeURIComponent(`setTimeout(() => { ${code} }, 600)`)}`;
  const args = ['--import', late, artefact('src', 'main.js'), '--data-dir', dataDir, 'check', listed];
  const failure = await promisify(execFile)(process.execPath, args, { env: childEnv() }).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining('zeef: Error: of a bug') });
});

test('a missing file of --files-from is one line, and exit code 2', async () => {
  const { code, out, err } = await zeef('scan', '.', '--files-from', '/nowhere/list');
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^zeef: FILE_UNREADABLE: [^\n]*nowhere[^\n]*\n$/);
});

test('a summary that cannot be written is refused before the scan', async () => {
  const { code, out, err } = await zeef('scan', PICTURES, '--summary', '/nowhere/s.json');
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^zeef: FILE_UNWRITABLE: [^\n]*nowhere[^\n]*\n$/);
});

test('in a working folder that was removed, commands work, and what needs it says so in one line', async () => {
  const gone = join(tempFolder('gone'), 'folder');
  mkdirSync(gone);
  const script = 'cd "$1" && rmdir "$1" && "$2" "$3" --version && exec "$2" "$3" --data-dir "$4" scan .';
  const args = ['-c', script, 'sh', gone, process.execPath, artefact('src', 'main.js'), tempFolder('gone-data')];
  const failure = await promisify(execFile)('sh', args, { env: childEnv() }).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 2,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: expect.stringMatching(/^zeef: FILE_UNREADABLE: [^\n]*ENOENT[^\n]*\n$/),
  });
});

test.each(['off', 'auto'])('a file is named from the working folder, sandbox %s', async (sandbox) => {
  const env = childEnv({ ZEEF_DECODER_SANDBOX: sandbox, ZEEF_DATA_DIR: tempFolder('named-data') });
  const args = [artefact('src', 'main.js'), 'hash', 'mate-dune.jpg'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: 'test/fixtures/photographs', env });
  expect(stdout).toMatch(/^mate-dune\.jpg jpeg \d+x\d+, /);
});

describe('invalid usage', () => {
  test.each([
    [['--nonsense'], 'unknown option'],
    [['check'], 'missing required argument'],
    [['check', '--radius', '300', listed], 'RADIUS_INVALID'],
    [['scan', '--orientations', 'some', '.'], 'Allowed choices'],
    [['--workers', '0', 'check', listed], 'CONFIG_INVALID'],
    [['--config', '/nowhere.json', 'check', listed], 'CONFIG_INVALID'],
    [['lists', 'import', '/nowhere', '--list', 'x'], 'FILE_UNREADABLE'],
    [['bench', 'nothing'], 'REQUEST_INVALID'],
  ])('%j: exit code 2, and an error without a stack trace', async (args, says) => {
    const { code, err } = await zeef(...args);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err).not.toContain('    at ');
  });

  test('commands print their usage with --help', async () => {
    for (const command of [
      'serve',
      'check',
      'scan',
      'hash',
      'lists',
      'keys',
      'tenants',
      'audit',
      'webhooks',
      'bench',
    ]) {
      expect(await zeefHere(command, '--help')).toMatchObject({ code: 0, out: expect.stringContaining('Usage: zeef') });
    }
  });
});

test('serve answers, applies a list that another process imports, and exits with 0 on SIGTERM', async () => {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--sample'], {
    env: { ...env, ZEEF_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(String(chunk))),
  );
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)![0];
  const ask = async () =>
    (
      await fetch(`${url}/v1/check`, {
        method: 'POST',
        body: readFileSync(other),
        headers: { 'content-type': 'image/jpeg' },
      })
    ).json();
  expect(await ask()).toMatchObject({ verdict: 'no_match' });
  const { digests } = jsonLines((await zeef('hash', '--json', other)).out)[0]!;
  const file = join(dataDir, 'late.txt');
  writeFileSync(file, digests.sha1!);
  await zeef('lists', 'import', file, '--list', 'late');
  await expect.poll(async () => (await ask()).verdict, { interval: 200 }).toBe('match');
  child.kill('SIGTERM');
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
});

test('the first start with the sample logs no alarm: its list is in force before it is looked for', async () => {
  const started = await serve({ ZEEF_DATA_DIR: tempFolder('first-start'), ZEEF_LOG_LEVEL: 'warn' }, '--sample');
  await started.end('SIGTERM');
  expect(
    started
      .output()
      .toString()
      .match(/no list[^"]*/g),
  ).toBeNull();
});

test('serve reports a port in use in one line', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const { code, err } = await zeef('serve', '--port', String(port));
  taken.close();
  expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
  expect(err).toMatch(/CONFIG_INVALID.*EADDRINUSE: address already in use; --port takes another one/);
});

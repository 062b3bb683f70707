/** Edited copies in a scan: with an inventory, with a service, and what a rematch says of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { PHOTOGRAPHS } from '../support/running.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('scan-detail');
const tree = join(work, 'tree');
const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data') });
const children: ChildProcess[] = [];

async function run(
  args: readonly string[],
  ownEnv = env,
): Promise<{ code: number | null; lines: Line[]; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: ownEnv, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = out.split('\n').filter((line) => line.startsWith('{'));
  return { code, lines: lines.map((line) => JSON.parse(line) as Line), err };
}

interface Line {
  readonly type: string;
  readonly path?: string;
  readonly matches?: readonly { readonly window: { readonly kind: string } | null }[];
  readonly fromInventory?: number;
}
const matched = (lines: readonly Line[]) =>
  Object.fromEntries(
    lines
      .filter(({ type }) => type === 'match')
      .map(({ path, matches }) => [path!.split('/').at(-1), matches![0]!.window?.kind ?? null]),
  );

beforeAll(async () => {
  mkdirSync(tree);
  const name = readdirSync(PHOTOGRAPHS).find((file) => file.endsWith('.jpg'))!;
  const photograph = await sharp(join(PHOTOGRAPHS, name)).resize(480).removeAlpha().png().toBuffer();
  const listed = join(work, 'listed.png');
  writeFileSync(listed, photograph);
  writeFileSync(join(tree, 'same.png'), photograph);
  const border = { top: 40, bottom: 90, left: 60, right: 60, background: '#fff' };
  writeFileSync(join(tree, 'bordered.png'), await sharp(photograph).extend(border).png().toBuffer());
  writeFileSync(join(tree, 'turned.png'), await sharp(photograph).rotate(3, { background: '#000' }).png().toBuffer());
  writeFileSync(join(tree, 'text.txt'), 'no image');
  // The photograph is one of the canaries: its list is held until a person approves it.
  expect((await run(['lists', 'add', 'own', listed])).code).toBe(2);
  expect((await run(['lists', 'approve', 'own'])).code).toBe(0);
});

afterAll(() => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
});

test('a scan finds them as its detail says', { timeout: 120_000 }, async () => {
  expect(matched((await run(['scan', tree])).lines)).toEqual({ 'same.png': null });
  const { lines } = await run(['scan', tree, '--detail', 'deep']);
  const kinds = matched(lines);
  expect(kinds).toMatchObject({ 'same.png': null, 'turned.png': 'rotation' });
  expect(['border', 'part']).toContain(kinds['bordered.png']);
});

/** Files that were not opened: of the image that matches as it is, and the text. */
const fromInventory = (lines: readonly Line[]) => lines.find(({ type }) => type === 'summary')!.fromInventory;

test('with an inventory only what windows may match is read again, by a scan and by a rematch', {
  timeout: 180_000,
}, async () => {
  const inventory = join(work, 'inventory');
  const copies = ['bordered.png', 'same.png', 'turned.png'];
  const deep = ['scan', tree, '--detail', 'deep', '--resume', inventory];
  const first = await run(deep);
  expect(fromInventory(first.lines)).toBe(0);
  const again = await run(deep);
  const rematched = await run(['scan', '--rematch', inventory, '--detail', 'deep']);
  for (const { code, lines } of [first, again, rematched]) {
    expect(code).toBe(1);
    expect(matched(lines)).toEqual(matched(first.lines));
    expect(Object.keys(matched(lines)).sort()).toEqual(copies);
  }
  for (const { lines } of [again, rematched]) expect(fromInventory(lines)).toBe(2);
  // What a window may match and nobody can read is not clean.
  const away = join(work, 'away.png');
  renameSync(join(tree, 'turned.png'), away);
  const blind = await run(['scan', '--rematch', inventory, '--detail', 'deep']);
  expect(blind.lines.find(({ path }) => path?.endsWith('turned.png'))).toMatchObject({
    type: 'not_checked',
    reason: 'unreadable',
    code: 'FILE_VANISHED',
  });
  expect(Object.keys(matched(blind.lines)).sort()).toEqual(['bordered.png', 'same.png']);
  renameSync(away, join(tree, 'turned.png'));
  // By the images alone no file is read; and rows of such a scan say that they have no windows.
  expect(matched((await run(['scan', '--rematch', inventory])).lines)).toEqual({ 'same.png': null });
  const plain = join(work, 'plain');
  expect((await run(['scan', tree, '--resume', plain])).code).toBe(1);
  const lacking = await run(['scan', '--rematch', plain, '--detail', 'deep']);
  expect([lacking.code, matched(lacking.lines)]).toEqual([2, { 'same.png': null }]);
  expect(lacking.err).toContain('WINDOWS_LACKING');
});

test('with a service the same is found, and only hashes are sent', { timeout: 120_000 }, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const service = spawn(process.execPath, [MAIN, 'serve', '--port', String(port)], { env, stdio: 'ignore' });
  children.push(service);
  const asker = childEnv({ ZEEF_DATA_DIR: join(work, 'asker') });
  const { lines, err } = await run(['scan', tree, '--detail', 'deep', '--server', `http://127.0.0.1:${port}`], asker);
  expect(err).not.toContain('REQUEST_INVALID');
  expect(Object.keys(matched(lines)).sort()).toEqual(['bordered.png', 'same.png', 'turned.png']);
});

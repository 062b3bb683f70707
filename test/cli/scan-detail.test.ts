/** Edited copies in a scan: with an inventory, with a service, and what a rematch says of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
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
  readonly bytesRead?: number | null;
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

test('with an inventory images are read each time, and a rematch is refused', { timeout: 180_000 }, async () => {
  const inventory = join(work, 'inventory');
  const deep = ['scan', tree, '--detail', 'deep', '--resume', inventory];
  const first = await run(deep);
  const again = await run(deep);
  for (const { lines } of [first, again])
    expect(Object.keys(matched(lines)).sort()).toEqual(['bordered.png', 'same.png', 'turned.png']);
  expect(again.lines.filter(({ type }) => type === 'match').map(({ bytesRead }) => bytesRead)).not.toContain(null);
  const refused = await run(['scan', '--rematch', inventory]);
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain('windows are not stored');
  // Nor does a plain scan of another folder alone, which leaves the rows of this one.
  const other = join(work, 'other');
  mkdirSync(other, { recursive: true });
  writeFileSync(join(other, 'text.txt'), 'no image');
  expect((await run(['scan', other, '--resume', inventory])).code).toBe(0);
  expect((await run(['scan', '--rematch', inventory])).err).toContain('windows are not stored');
  // A plain scan decides by the images alone again.
  expect(matched((await run(['scan', tree, other, '--resume', inventory])).lines)).toEqual({ 'same.png': null });
  expect((await run(['scan', '--rematch', inventory])).code).toBe(1);
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

/**
 * Run a page's commands from top to bottom, as a reader does in Zeef's own folder: in one shell, with a second terminal
 * for a block that serves. The folder is fresh and holds links to the project's files, so that data stays in it.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact, PACKAGE_ROOT } from '../../src/core/package-root.js';
import { type Background, runShell, startShell } from '../support/shell.js';
import { type Block, HOOK_LANGUAGES } from './blocks.js';
import { mismatch } from './expected.js';
import { isServing, type ShellState, scriptOf, stateAfter } from './script.js';

/** The only replacement on a page: the service gets a free port. */
const ADDRESS = '127.0.0.1:8080';
/** Time for one block; most take a second. */
const BLOCK_MS_MAX = 180_000;

const LINKED = ['package.json', 'dist', 'bench', 'docs', 'hashlists', 'test'];

/** Return what `npm start` runs after the build. Errors: it does not begin with the build. */
function startCommand(): string {
  const { scripts } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'));
  const [, command] = /^npm run --silent build && (.+)$/.exec(scripts.start) ?? [];
  if (command === undefined) throw new Error('npm start is not of the known form');
  return command;
}

/** `npm ci` and the build have been done already; `npx zeef` is the package's own command. */
const SHIMS: Readonly<Record<string, string>> = {
  npm: `case "$*" in
  ci) ;;
  start) exec ${startCommand()} ;;
  *) echo "npm $* is not for this test" >&2; exit 64 ;;
esac`,
  npx: `[ "$1" = zeef ] || exit 64
shift
exec zeef "$@"`,
  // Without the option curl exits with 0 after 401 and 404.
  curl: `PATH="\${PATH#*:}"
exec curl --fail-with-body "$@"`,
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function furnish(root: string): { folder: string; temporary: string; env: Record<string, string> } {
  const [bin, folder, temporary, home] = [join(root, 'bin'), join(root, 'zeef'), join(root, 'tmp'), join(root, 'home')];
  for (const each of [bin, folder, temporary, home]) mkdirSync(each);
  for (const name of LINKED) symlinkSync(join(PACKAGE_ROOT, name), join(folder, name));
  symlinkSync(artefact('src', 'main.js'), join(bin, 'zeef'));
  for (const [name, script] of Object.entries(SHIMS))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
  // A busy machine is slow to decode an image.
  const env = { PATH: path, HOME: home, TMPDIR: temporary, LANG: 'C.UTF-8', ZEEF_DECODE_MS_MAX: '600000' };
  return { folder, temporary, env };
}

/** Return the first failure and its place on the page, or null; later blocks depend on earlier ones. */
export async function runPage(blocks: readonly Block[], isLeftOut: (block: Block) => boolean): Promise<string | null> {
  const root = tempFolder('docs');
  let serving: Background | null = null;
  try {
    const { folder, temporary, env } = furnish(root);
    const port = String(await freePort());
    const options = { cwd: folder, env: { ...env, ZEEF_PORT: port }, msMax: BLOCK_MS_MAX };
    const stateFile = join(root, 'state');
    let state: ShellState = { folder, variables: {}, exported: [] };
    let output: string | null = null;
    for (const block of blocks) {
      const text = block.text.replaceAll(ADDRESS, `127.0.0.1:${port}`);
      const fails = (why: string) => `${block.page}:${block.line}: ${why}\n\n${text}`;
      if (block.language !== 'sh') {
        const wrong = block.follows && output !== null ? mismatch(block.language, text, output) : null;
        if (wrong !== null) return fails(wrong);
        output = null;
        continue;
      }
      output = null;
      if (isLeftOut(block)) continue;
      if (isServing(text)) {
        await serving?.stop();
        try {
          // A terminal of its own has no variables of the first.
          const script = scriptOf(text, { ...state, variables: {}, exported: [] }, stateFile);
          serving = await startShell(script, { ...options, ready: /zeef listens on/ });
        } catch (error) {
          return fails((error as Error).message);
        }
        continue;
      }
      const { code, out, err } = await runShell(scriptOf(text, state, stateFile), options);
      if (code !== 0)
        return fails(`exit code ${code}: ${err.trim()}\n${out.slice(-2_000)}${serving?.output().slice(-2_000) ?? ''}`);
      state = stateAfter(text, state, readFileSync(stateFile, 'utf8'));
      output = out;
    }
    await serving?.stop();
    serving = null;
    const left = readdirSync(temporary);
    return left.length === 0 ? null : `${blocks[0]?.page}: left in the folder for temporary files: ${left.join(' ')}`;
  } finally {
    await serving?.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Return the blocks of output without a command block right before them. */
export function unheld(blocks: readonly Block[]): Block[] {
  return blocks.filter(
    ({ language, follows }, at) =>
      language !== 'sh' && !HOOK_LANGUAGES.includes(language) && !(follows && blocks[at - 1]?.language === 'sh'),
  );
}

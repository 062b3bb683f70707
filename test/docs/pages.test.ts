/** The commands of each page, run from top to bottom, do and print what the page says. */

import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { PACKAGE_ROOT, PACKAGE_VERSION } from '../../src/core/package-root.js';
import { runShell } from '../support/shell.js';
import { type Block, blocksOf, LANGUAGES, PAGES } from './blocks.js';
import { runPage, unheld } from './run-page.js';

/** Commands that cannot be run here: page, first line, reason. */
const NOT_RUN: readonly (readonly [string, string, string])[] = [
  ['CONTRIBUTING.md', 'npm ci\nnpm run build', 'this test is part of what it runs'],
  ['CONTRIBUTING.md', 'npm install --prefix', 'it fetches another Node and runs all tests with it'],
  ['CONTRIBUTING.md', 'sed -i', 'it changes the sources that other tests read meanwhile'],
  ['CONTRIBUTING.md', 'node scripts/check-mutants.mjs', 'it runs tests of its own, for a quarter of a minute each'],
  ['README.md', 'npm ci && npm test', 'this test is part of what it runs'],
  [
    'docs/hashlists.md',
    'NCMEC_PASSWORD=... zeef lists sync ncmec',
    'only a member of NCMEC’s programme gets an answer',
  ],
  [
    'docs/operations.md',
    'docker build -t zeef',
    'it takes a container engine; scripts/check-container.sh does without',
  ],
  ['docs/scale.md', 'zeef scan --join', 'it takes a server; test/service/joined-scan.test.ts'],
  ['docs/scale.md', 'zeef migrate --data-dir', 'it takes a server; test/postgres/move.test.ts'],
  ['docs/scale.md', 'zeef migrate --from', 'it takes a server; test/postgres/move-back.test.ts'],
  ['docs/scale.md', 'psql', 'it takes a server; test/postgres/move-back.test.ts'],
];

/** Output that no command prints: page, first line, what it is or which test checks it. */
const HELD_ELSEWHERE: readonly (readonly [string, string, string])[] = [
  ['ARCHITECTURE.md', 'bytes ─ decoder process', 'a drawing'],
  ['docs/index.md', 'header      8 × u32', 'a drawing of memory, src/index/ring-layout.ts'],
  ['docs/index.md', 'additions ─▶ open rows', 'a drawing'],
  ['docs/index-format.md', '"ZEEFSEAL"  8 bytes', 'a drawing of bytes, test/vault/vault.test.ts'],
  ['docs/index-format.md', 'offset          bytes', 'a drawing of bytes, test/index/index-file.test.ts'],
  ['docs/index-format.md', '{ "position": {', 'test/docs/examples.test.ts'],
  ['docs/integrations.md', 'services:', 'a file for Docker, test/docs/integrations.test.ts'],
  ['docs/integrations.md', 'location ~', 'a file of nginx, test/docs/integrations.test.ts'],
  ['docs/keys.md', '{ "event": "hit.new",', 'test/docs/examples.test.ts'],
  ['docs/keys.md', '{ "event": "case.overdue",', 'test/docs/examples.test.ts'],
  ['docs/scale.md', 'clients ─ TLS', 'a drawing'],
  ['docs/scale.md', 'cd deploy && mkdir', 'commands for Docker, test/deploy/compose.test.ts holds the file'],
];

const all = PAGES.flatMap((page) => blocksOf(page));
const isNamed = ([page, begin]: readonly [string, string, string], block: Block) =>
  block.page === page && block.text.startsWith(begin);
const isLeftOut = (block: Block) => NOT_RUN.some((entry) => isNamed(entry, block));
const placeOf = ({ page, line }: Block) => `${page}:${line}`;

test('every block has a known language', () => {
  const unknown = all.filter(({ language }) => !LANGUAGES.includes(language));
  expect(unknown.map(placeOf)).toEqual([]);
});

test('each exception names exactly one block', () => {
  const commands = all.filter(({ language }) => language === 'sh');
  for (const entry of NOT_RUN)
    expect(
      commands.filter((block) => isNamed(entry, block)),
      entry[1],
    ).toHaveLength(1);
  for (const entry of HELD_ELSEWHERE)
    expect(
      all.filter((block) => isNamed(entry, block)),
      entry[1],
    ).toHaveLength(1);
});

test('every block of output is compared with a command, or listed above', () => {
  const free = unheld(all).filter((block) => !HELD_ELSEWHERE.some((entry) => isNamed(entry, block)));
  expect(free.map(placeOf)).toEqual([]);
  expect(all.length - free.length).toBeGreaterThan(30);
});

test('npx runs the package’s own command, without a network', async () => {
  const home = tempFolder('npx');
  try {
    const env = {
      ...childEnv(),
      HOME: home,
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
    };
    const { code, out } = await runShell('npx zeef --version', { cwd: PACKAGE_ROOT, env, msMax: 100_000 });
    expect([code, out.trim()]).toEqual([0, PACKAGE_VERSION]);
  } finally {
    rmSync(home, { recursive: true });
  }
});

describe('commands run as they are on the page', () => {
  const pages = PAGES.filter((page) => blocksOf(page).some(({ language }) => language === 'sh'));
  test.each(pages)('%s', { timeout: 600_000 }, async (page) => {
    expect(await runPage(blocksOf(page), isLeftOut)).toBeNull();
  });
});

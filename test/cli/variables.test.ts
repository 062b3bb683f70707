/** Every variable that a page or a help text names is accepted by every command. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { KNOBS, OTHER_VARIABLES } from '../../src/config/knobs.js';
import { readConfig } from '../../src/config/read-config.js';
import { isServiceLink } from '../../src/config/service-links.js';
import { artefact } from '../../src/core/package-root.js';
import { PAGES, pageText } from '../docs/blocks.js';
import { PHOTOGRAPHS } from '../support/running.js';
import { readSources } from '../tidy/sources.js';

const LINK = 'tcp://10.0.0.7:8080';
/** Names in full: `ZEEF_API_` and `ZEEF_*` are beginnings of names. */
const NAME = /\bZEEF_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?![_*])/g;

function namedIn(texts: readonly string[]): string[] {
  const names = new Set(texts.flatMap((text) => text.match(NAME) ?? []));
  return [...names].filter((name) => name === 'ZEEF_PORT' || !isServiceLink(name, LINK)).sort();
}

const defaults = Object.fromEntries(Object.values(KNOBS).map((knob) => [knob.env, String(knob.default)]));

test('variables that the pages name are accepted', () => {
  const named = namedIn([...PAGES.map(pageText), pageText('Dockerfile')]);
  expect(named).toEqual(expect.arrayContaining(['ZEEF_SERVER_KEY', 'ZEEF_CONFIG', 'ZEEF_DATA_DIR']));
  const env = Object.fromEntries(named.map((name) => [name, defaults[name] ?? 'x']));
  expect(() => readConfig({ env })).not.toThrow();
});

test('variables that help texts and messages name are accepted', () => {
  const named = namedIn(readSources('src').map(({ tree }) => tree.text));
  expect(named.length).toBeGreaterThan(30);
  expect(() =>
    readConfig({ env: Object.fromEntries(named.map((name) => [name, defaults[name] ?? 'x'])) }),
  ).not.toThrow();
});

const folder = tempFolder('variables');
const config = join(folder, 'zeef.config.json');
writeFileSync(config, '{}');
const others = Object.fromEntries(Object.keys(OTHER_VARIABLES).map((name) => [name, 'x']));
const all = { ...defaults, ...others, ZEEF_CONFIG: config, ZEEF_DATA_DIR: join(folder, 'data') };

test.each([
  [['check', join(PHOTOGRAPHS, 'mate-dune.jpg')]],
  [['scan', folder]],
  [['hash', join(PHOTOGRAPHS, 'mate-dune.jpg')]],
  [['lists', 'show']],
  [['verify']],
  [['ledger', 'show']],
  [['keys', 'list']],
  [['tenants', 'list']],
  [['audit', 'show']],
  [['webhooks', 'list']],
  [['report']],
  [['notice', 'nothing']],
  [['bench', 'nothing']],
])('with all variables set: zeef %j', async (args) => {
  const err = await new Promise<string>((resolve) =>
    execFile(process.execPath, [artefact('src', 'main.js'), ...args], { env: childEnv(all) }, (_error, _out, text) =>
      resolve(text),
    ),
  );
  expect(err).not.toContain('CONFIG_INVALID');
});

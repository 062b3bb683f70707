/** Names on the pages exist: files, metrics, error codes, actions, limits. Links: test/tidy/links.test.ts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../src/core/errors.js';
import { SCAN_WARNINGS } from '../../src/scan/warnings.js';
import { AUDIT_ACTIONS } from '../../src/store/audit-contract.js';
import { TENANT_LIMITS } from '../../src/store/tenants-contract.js';
import { METRICS } from '../../src/telemetry/metrics.js';
import { codeSpansOf, PAGES, pageText } from './blocks.js';

const FOLDERS = ['src', 'test', 'bench', 'docs', 'hashlists', 'scripts'];
const files = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
);
const names = new Set(files.map((file) => basename(file)));
const constants = new Set(
  files
    .filter((file) => file.startsWith('src') && file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]+)\b/gm)])
    .map(([, name]) => name!),
);

/** Return whether a path from the root or from `src`, perhaps with a star, or the bare name of a file exists. */
function exists(path: string): boolean {
  if (path.includes('*')) {
    const form = new RegExp(`(^|/)${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    return files.some((file) => form.test(file));
  }
  if (!path.includes('/')) return names.has(path) || existsSync(path);
  return [path, join('src', path)].some((each) => existsSync(each)) || files.some((file) => file.endsWith(`/${path}`));
}

/** Words in the form of an error code: a ThreatExchange status, and variables of the dynamic linker, jemalloc and clients of S3. */
const WORDS_OF_OTHERS = [
  ...['NON_MALICIOUS', 'LD_PRELOAD', 'MALLOC_CONF'],
  ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_ENDPOINT_URL'],
];

/** Files that Zeef or a reader makes. */
const MADE =
  /^(zeef-data|zeef\.(sqlite|index)|(service|ledger)\.sqlite|list\.key|mov(ed|ing)\.json|zeef\.config\.json)/;
const isPath = (span: string) =>
  /^[\w.*/-]+\.(ts|mjs|js|md|json|csv|txt|html)$/.test(span) ||
  /^(src|test|bench|docs|scripts|hashlists)\/[\w./*-]*$/.test(span);

describe.each(PAGES)('%s', (page) => {
  const text = pageText(page);
  const spans = codeSpansOf(text);

  test('names existing files and folders', () => {
    const paths = spans.filter((span) => isPath(span) && !/^\//.test(span) && !MADE.test(span));
    // On the page of ARCHITECTURE.md a folder of src/ is a room.
    const rooms = page === 'ARCHITECTURE.md' ? spans.filter((span) => /^[\w/-]+\/$/.test(span)) : [];
    expect([...paths, ...rooms].filter((path) => !exists(path) && !existsSync(join(dirname(page), path)))).toEqual([]);
  });

  test('names existing metrics, error codes and constants', () => {
    const metrics = text.match(/(?<![\w/])zeef_[a-z][a-z_]*[a-z]\b/g) ?? [];
    const known = (name: string) => name in METRICS || /^zeef_(process|nodejs)/.test(name);
    expect(metrics.filter((name) => !known(name))).toEqual([]);
    const codes = spans.filter((span) => /^[A-Z]+(_[A-Z]+)+$/.test(span) && !span.startsWith('ZEEF_'));
    const isNamed = (code: string) =>
      code in ERRORS || code in SCAN_WARNINGS || constants.has(code) || WORDS_OF_OTHERS.includes(code);
    expect(codes.filter((code) => !isNamed(code))).toEqual([]);
  });
});

test('docs/keys.md names every action of the audit log, and no other', () => {
  const [, section] = /^## Audit log\n(.*?)^## /ms.exec(pageText('docs/keys.md'))!;
  const named = codeSpansOf(section!).filter((span) => /^[a-z]+\.[a-z]+$/.test(span));
  expect([...new Set(named)].sort()).toEqual([...AUDIT_ACTIONS].sort());
});

test('docs/keys.md has every limit of a tenant in its table, and no other', () => {
  const [, section] = /^## Limits\n(.*?)^## /ms.exec(pageText('docs/keys.md'))!;
  const rows = [...section!.matchAll(/^\| (`.*?`) \| /gm)].flatMap(([, cell]) => codeSpansOf(cell!));
  expect(rows.sort()).toEqual([...TENANT_LIMITS].sort());
});

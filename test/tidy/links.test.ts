/** Links lead to files and headings, pages can be reached, the changelog and the decisions are in order. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

const inFolder = (folder: string, recursive: boolean) =>
  readdirSync(folder, { recursive, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => normalize(join(folder, file)));
const PAGES = [...inFolder('.', false), ...['docs', 'bench', 'hashlists'].flatMap((folder) => inFolder(folder, true))];

/** Return a page without blocks of code, and with `inline` without code in lines: they hold no links or headings. */
function prose(page: string, { inline }: { inline: boolean }): string {
  const text = readFileSync(page, 'utf8').replace(/^ *(```|~~~)[^\n]*\n[\s\S]*?^ *\1 *$/gm, '');
  return inline ? text.replace(/`[^`\n]*`/g, '') : text;
}

/** Return anchors as GitHub makes them: lower case, no punctuation, hyphens for spaces, repeated ones numbered. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of prose(page, { inline: false }).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const words = heading!.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1');
    const anchor = words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, '')
      .replace(/ /g, '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Return the targets of links and images as they are written: inline, by reference, and of HTML. */
function targetsOf(page: string): string[] {
  const text = prose(page, { inline: true });
  return [
    /\]\(\s*<?([^\s)>]+)[^)]*\)/g,
    /^ {0,3}\[[^\]]+\]: +<?([^\s>]+)/gm,
    /<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)="([^"]+)"/g,
  ]
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(([, target]) => target!);
}

const isElsewhere = (target: string) => /^[a-z][a-z0-9+.-]*:/i.test(target);

/** Return what is wrong with a link, or null. The page of a folder is its README. */
function faultOf(page: string, target: string): string | null {
  const [path = '', anchor] = decodeURIComponent(target).split('#');
  const from = path.startsWith('/') ? '.' : dirname(page);
  let file = path === '' ? page : normalize(join(from, path));
  if (/^(\.\.|dist|node_modules)(\/|$)/.test(file)) return 'it is no part of the project';
  if (!existsSync(file)) return 'there is no such file';
  if (statSync(file).isDirectory()) file = join(file, 'README.md');
  if (!existsSync(file)) return 'the folder has no page';
  if (anchor === undefined) return null;
  return anchorsOf(file).has(anchor) ? null : 'there is no such heading';
}

test.each(PAGES)('%s: every link and image leads to a file, every anchor to a heading', (page) => {
  const broken = targetsOf(page)
    .filter((target) => !isElsewhere(target))
    .map((target) => `${target}: ${faultOf(page, target)}`)
    .filter((line) => !line.endsWith(': null'));
  expect(broken).toEqual([]);
});

test.each(PAGES)('%s: every file of the project that it names exists', (page) => {
  const named = prose(page, { inline: false }).matchAll(
    /`((?:src|test|scripts|bench|docs|hashlists)\/[\w./-]+\.\w+)`/g,
  );
  expect([...named].map(([, file]) => file!).filter((file) => !existsSync(file))).toEqual([]);
});

test('every page of docs/ can be reached from the README', () => {
  const reached = new Set<string>();
  const next = ['README.md'];
  for (let page = next.pop(); page !== undefined; page = next.pop()) {
    if (reached.has(page) || !PAGES.includes(page)) continue;
    reached.add(page);
    for (const target of targetsOf(page).filter((one) => !isElsewhere(one))) {
      const file = normalize(join(dirname(page), target.split('#')[0]!));
      next.push(PAGES.includes(file) ? file : join(file, 'README.md'));
    }
  }
  expect(PAGES.filter((page) => page.startsWith('docs') && !reached.has(page))).toEqual([]);
  for (const page of ['CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'RELEASING.md'])
    expect(reached).toContain(page);
});

/** Three numbers; later versions are larger. */
const numbersOf = (version: string) => version.split('.').map(Number);
const after = (a: string, b: string) => {
  const [of, than] = [numbersOf(a), numbersOf(b)];
  const at = of.findIndex((number, place) => number !== than[place]);
  return at < 0 ? 0 : of[at]! - than[at]!;
};

describe('CHANGELOG.md', () => {
  const headings = [...prose('CHANGELOG.md', { inline: false }).matchAll(/^## +(.+?) *$/gm)].map(([, text]) => text!);
  const releases = headings.slice(1).map((heading) => {
    const [, version = '', date = ''] = /^\[?(\d+\.\d+\.\d+)\]? - (\d{4}-\d{2}-\d{2})$/.exec(heading) ?? [];
    return { heading, version, date };
  });

  test('Unreleased is first; each release below it has a version and a date', () => {
    expect(headings[0]).toMatch(/^\[?Unreleased\]?$/);
    expect(releases.filter(({ version }) => version === '').map(({ heading }) => heading)).toEqual([]);
    for (const { date } of releases) expect(new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10)).toBe(date);
  });

  test('versions and dates descend', () => {
    for (const [at, { version, date }] of releases.entries()) {
      const before = releases[at + 1];
      if (!before) continue;
      expect(after(version, before.version), `${version} over ${before.version}`).toBeGreaterThan(0);
      expect(date >= before.date, `${version} of ${date}, ${before.version} of ${before.date}`).toBe(true);
    }
  });

  test('package.json and the lock file have the newest release, or the next version with unreleased changes', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { version: string };
    expect(lock.version).toBe(version);
    const newest = releases[0]!.version;
    if (version === newest) return;
    const [major, minor, patch] = numbersOf(newest) as [number, number, number];
    expect([`${major}.${minor}.${patch + 1}`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`]).toContain(version);
    const [, unreleased = ''] = readFileSync('CHANGELOG.md', 'utf8').split(/^## .*$/m);
    expect(unreleased).toMatch(/^[*-] /m);
  });
});

describe('docs/decisions', () => {
  const FOLDER = 'docs/decisions';
  const files = readdirSync(FOLDER).filter((file) => file !== 'README.md');

  test('pages are numbered from 0001 without gaps or duplicates', () => {
    const expected = files.map((_, at) => String(at + 1).padStart(4, '0'));
    expect(files.map((file) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1] ?? file).toSorted()).toEqual(expected);
  });

  test('the index has a row for each page, in order, that begins with its title', () => {
    const rows = [...readFileSync(`${FOLDER}/README.md`, 'utf8').matchAll(/^\| \[(\d{4})\]\(([^)]+)\) \| (.+?) \|$/gm)];
    const sorted = files.toSorted();
    expect(rows.map(([, number, file]) => `${number} ${file}`)).toEqual(
      sorted.map((file) => `${file.slice(0, 4)} ${file}`),
    );
    for (const [at, file] of sorted.entries()) {
      const [, title = ''] = /^# \d{4}\. (.+)$/m.exec(readFileSync(`${FOLDER}/${file}`, 'utf8'))!;
      expect(rows[at]![3]!.startsWith(title), `${file}: ${title}`).toBe(true);
    }
  });

  test.each(files)('%s: has its number, a date and the four sections in order', (file) => {
    const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
    expect(text).toMatch(new RegExp(`^# ${file.slice(0, 4)}\\. \\S`));
    expect(text).toMatch(/^(Accepted|Replaced by) .*\d{4}-\d{2}-\d{2}/m);
    const sections = text.split(/^## (.+)$/m).slice(1);
    expect(sections.filter((_, at) => at % 2 === 0)).toEqual(['Context', 'Decision', 'Alternatives', 'Consequences']);
    for (const [at, body] of sections.entries()) if (at % 2 === 1) expect(body.trim().length).toBeGreaterThan(100);
    expect(text.split('\n').length).toBeLessThanOrEqual(70);
  });
});

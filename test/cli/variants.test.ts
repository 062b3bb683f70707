/** Variants of an own image, as an operator uses them: from `lists add --variants` to a plain check of edited copies. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { inProcess } from '../support/command-line.js';
import { PICTURES } from '../support/running.js';

const work = tempFolder('variants');
const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data') });
const zeef = (...args: string[]) => inProcess(env, ...args);
const listed = join(work, 'listed.jpg');
const [cropped, oneSided, turned] = ['cropped.jpg', 'one-sided.jpg', 'turned.jpg'].map((name) => join(work, name)) as [
  string,
  string,
  string,
];
const COPIES = [cropped, oneSided, turned];
/** Taken, as they are, with the two hashes of the image itself. */
const VARIANTS = 39;
const DIGESTS = 3;
const OWN = 2;

interface Answer {
  readonly verdict: string;
  readonly matches: readonly { readonly derived: string | null; readonly entryId: string; readonly window: unknown }[];
}

async function checkAll(paths: readonly string[], ...flags: string[]): Promise<Answer[]> {
  const { out } = await zeef('check', ...paths, ...flags, '--detail', 'plain', '--json');
  const lines = out.trimEnd().split('\n');
  return lines.slice(0, paths.length).map((line) => JSON.parse(line) as Answer);
}
const check = async (path: string, list: string) => (await checkAll([path], '--lists', list))[0]!;
const add = async (list: string, ...flags: string[]) =>
  JSON.parse((await zeef('lists', 'add', list, listed, ...flags, '--json')).out) as {
    readonly images: readonly { readonly entryId: string; readonly variants: number; readonly inactive: boolean }[];
    readonly report: { readonly added: number; readonly removed: number; readonly held: readonly { rule: string }[] };
  };

beforeAll(async () => {
  copyFileSync(join(PICTURES, 'lomiri-greentock-by-peter-nerlich.jpg'), listed);
  const { width, height } = await sharp(listed).metadata();
  const cut = (left: number, top: number, right: number, bottom: number) =>
    sharp(listed).extract({
      left: Math.round(left * width),
      top: Math.round(top * height),
      width: Math.round((1 - left - right) * width),
      height: Math.round((1 - top - bottom) * height),
    });
  await cut(0.1, 0.1, 0.1, 0.1).resize(700).jpeg({ quality: 80 }).toFile(cropped);
  await cut(0, 0, 0.12, 0).jpeg({ quality: 80 }).toFile(oneSided);
  const canvas = await sharp(listed).rotate(5, { background: '#000' }).png().toBuffer({ resolveWithObject: true });
  // The largest rectangle without empty corners.
  const [c, s] = [Math.cos(Math.PI / 36), Math.sin(Math.PI / 36)];
  const inner = {
    width: Math.floor((width * c - height * s) / (c * c - s * s)) - 2,
    height: Math.floor((height * c - width * s) / (c * c - s * s)) - 2,
  };
  await sharp(canvas.data)
    .extract({
      left: Math.round((canvas.info.width - inner.width) / 2),
      top: Math.round((canvas.info.height - inner.height) / 2),
      ...inner,
    })
    .jpeg({ quality: 80 })
    .toFile(turned);
});

test('edited copies match by variants alone, and say so; without them they do not', { timeout: 120_000 }, async () => {
  const { images, report } = await add('own', '--variants');
  expect(images).toMatchObject([{ variants: VARIANTS, inactive: false }]);
  expect(report).toMatchObject({ added: DIGESTS + OWN + VARIANTS, held: [] });
  expect(await add('bare')).toMatchObject({ images: [{ variants: 0 }], report: { added: DIGESTS + OWN } });
  for (const [at, { verdict, matches }] of (await checkAll(COPIES, '--lists', 'own')).entries()) {
    // Of one image one match, however many of its values are near.
    expect([verdict, matches.length], COPIES[at]!).toEqual(['match', 1]);
    const derived = COPIES[at] === turned ? 'rotation' : 'crop';
    expect(matches[0]).toMatchObject({ entryId: images[0]!.entryId, derived, window: null });
  }
  const without = await checkAll(COPIES, '--lists', 'bare');
  expect(without.map(({ verdict }) => verdict)).toEqual(['no_match', 'no_match', 'no_match']);
  expect((await zeef('check', turned, '--lists', 'own')).out).toMatch(/ distance \d+ derived rotation\n$/);
  const { matches } = await check(listed, 'own');
  expect(matches.length).toBeGreaterThan(OWN);
  expect(matches.every(({ derived }) => derived === null)).toBe(true);
});

test('added again they stay as they are; they go only with an approval', { timeout: 120_000 }, async () => {
  expect((await zeef('lists', 'add', 'own', listed, '--variants')).out).toContain(
    `, ${VARIANTS} variants  ${listed}\n`,
  );
  const { images, report } = await add('own');
  expect(images).toMatchObject([{ variants: 0 }]);
  expect(report).toMatchObject({ removed: VARIANTS, held: [{ rule: 'change' }] });
  expect((await check(cropped, 'own')).verdict).toBe('match');
  expect((await zeef('lists', 'reject', 'own')).code).toBe(0);
});

test('a disabled entry gets no variant that would match, and none where it is quarantined', {
  timeout: 120_000,
}, async () => {
  const { images } = await add('bare');
  const { entryId } = images[0]!;
  expect((await zeef('lists', 'disable', 'bare', '--entry', entryId)).code).toBe(0);
  const { out } = await zeef('lists', 'add', 'bare', listed, '--variants');
  expect(out).toContain(`${entryId}, 0 variants: the entry is disabled or in quarantine`);
  expect((await check(cropped, 'bare')).verdict).not.toBe('match');
  expect((await zeef('lists', 'enable', 'bare', '--entry', entryId)).code).toBe(0);
  expect((await zeef('suppressions', 'add', '--list', 'bare', '--entry', entryId)).code).toBe(0);
  expect(await add('bare', '--variants')).toMatchObject({ images: [{ variants: 0, inactive: true }] });
  expect((await zeef('suppressions', 'remove', '--list', 'bare', '--entry', entryId)).code).toBe(0);
  expect(await add('bare', '--variants')).toMatchObject({ images: [{ variants: VARIANTS, inactive: false }] });
  expect((await check(cropped, 'bare')).verdict).toBe('match');
});

test('what is decided of the entry holds for its variants; an export has their marks', {
  timeout: 120_000,
}, async () => {
  const { entryId } = (await check(cropped, 'own')).matches[0]!;
  const verdicts = async () => {
    const answers = await checkAll([listed, ...COPIES], '--lists', 'own');
    expect(answers).toHaveLength(4);
    return [...new Set(answers.map(({ verdict }) => verdict))];
  };
  expect(await verdicts()).toEqual(['match']);
  await zeef('suppressions', 'add', '--list', 'own', '--entry', entryId);
  expect(await verdicts()).toEqual(['suppressed']);
  await zeef('suppressions', 'remove', '--list', 'own', '--entry', entryId);
  await zeef('lists', 'disable', 'own', '--entry', entryId);
  expect(new Set(await verdicts())).not.toContain('match');
  await zeef('lists', 'enable', 'own', '--entry', entryId);
  expect(await verdicts()).toEqual(['match']);

  const path = join(work, 'own.jsonl');
  expect((await zeef('lists', 'export', path, '--list', 'own', '--format', 'jsonl')).code).toBe(0);
  // Its values are as near to each other as those of one template: a person decides.
  await zeef('lists', 'import', path, '--list', 'brought', '--format', 'jsonl');
  expect((await check(turned, 'brought')).matches).toMatchObject([{ entryId, derived: 'rotation' }]);
});

test('a suppressed value of the image suppresses the image, as without variants', { timeout: 120_000 }, async () => {
  const { out } = await zeef('hash', listed, '--json');
  const { pdq, pdqFull } = JSON.parse(out) as { pdq: { hash: string }; pdqFull: { hash: string } };
  // Another file of the same pixels: its digests are on no list.
  const same = join(work, 'same.jpg');
  writeFileSync(same, Buffer.concat([readFileSync(listed), Buffer.from('\n')]));
  const verdicts = async () => (await checkAll([same, cropped])).map(({ verdict }) => verdict);
  expect(await verdicts()).toEqual(['match', 'match']);
  for (const { hash } of [pdq, pdqFull]) await zeef('suppressions', 'add', hash, '--algorithm', 'pdq');
  // It hides no neighbour.
  expect(await verdicts()).toEqual(['suppressed', 'match']);
});

test('no image is added to a suppression list, with variants neither', async () => {
  await zeef('lists', 'import', join('hashlists', 'sample', 'sample.csv'), '--list', 'good', '--suppress');
  const { code, err } = await zeef('lists', 'add', 'good', listed, '--variants');
  expect(code).toBe(2);
  expect(err).toContain('REQUEST_INVALID');
});

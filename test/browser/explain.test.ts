/** The match debugger in a browser: an image is dropped, a hash is pasted, and the page says why each matches or not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { WHYS } from '../../src/check/explain-lists.js';
import { WHY_WORDS } from '../../src/dashboard/explain-words.js';
import { importList } from '../../src/lists/import/import-list.js';
import type { Scope } from '../../src/store/keys-contract.js';
import { axeFinds, hasChromium } from '../support/browser.js';
import { ask, HOSTILE, importCsv, looking, planted, startLists, stopLists } from '../support/list-pages.js';
import { PHOTOGRAPHS, PICTURES, type Running } from '../support/running.js';

test('each reason has its words', () => expect(Object.keys(WHY_WORDS).sort()).toEqual([...WHYS].sort()));

const panel = (page: Page) => page.locator('#explain');
const verdict = (page: Page) => panel(page).locator('.verdict');
const list = (page: Page, name: string) => panel(page).getByRole('region', { name: `List ${name}` });
const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));

/** Drop files on an element, as from a file manager. */
async function drop(
  page: Page,
  files: readonly { readonly name: string; readonly bytes: Buffer }[],
  on = '#explain',
): Promise<void> {
  const sent = files.map(({ name, bytes }) => ({ name, base64: bytes.toString('base64') }));
  const dataTransfer = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of given)
      transfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
    return transfer;
  }, sent);
  for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent(on, type, { dataTransfer });
}

function away(hex: string, bits: number): string {
  const bytes = Buffer.from(hex, 'hex');
  for (let bit = 0; bit < bits; bit++) bytes[(bit * 5) >> 3]! ^= 1 << ((bit * 5) & 7);
  return bytes.toString('hex');
}

const rows = (named: readonly (readonly [string, string])[]) =>
  `entryId,algorithm,value\n${named.map(([id, value]) => `"${id.replaceAll('"', '""')}",pdq,${value}\n`).join('')}`;

describe.runIf(hasChromium)('the match debugger', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startLists();
    await importCsv(
      'police',
      rows([
        ['near', away(planted[0]!, 12)],
        [HOSTILE, away(planted[0]!, 40)],
        [planted[9]!, away(planted[0]!, 20)],
      ]),
    );
    await importCsv('closed', rows([['off', planted[0]!]]));
    await ask('PATCH', '/lists/closed', JSON.stringify({ enabled: false }), 'application/json');
  });
  afterAll(stopLists);
  const checked = async () => (await running.service.ledger.stats({})).checked;

  test('an image that is dropped: what it is, its hashes, and the entry that it matches', () =>
    looking(async (page, { complaints }) => {
      const before = await checked();
      await drop(page, [{ name: `${HOSTILE}.jpg`, bytes: picture }]);
      await verdict(page).getByText('5 entries match, on sample.').waitFor();
      const shown = (await panel(page).innerText()).replaceAll(/\s+/g, ' ');
      expect(shown).toContain('JPEG, 1,600 × 1,203 pixels');
      for (const digest of [
        '3a94856c33abf72d5120897a492e68a2',
        '972b0a0c4e5e3fa93f4f244fc84bc64b121a5eac3aaa5856f1308c1f38a02f8e',
      ])
        expect(shown).toContain(digest);
      expect(shown).toMatch(/PDQ [0-9a-f]{64} quality 100 of 100 PDQ, full size [0-9a-f]{64} quality 100 of 100/);
      expect(shown).toContain('17 hashes, 3 digests');
      await list(page, 'sample').getByText('The very bytes are listed.').first().waitFor();
      await list(page, 'sample').getByText('Within 31 bits.').first().waitFor();
      await panel(page).getByText('Not on record; it counts as a check.').waitFor();
      expect(await checked()).toBe(before);
      expect(await page.locator('#explain img').count()).toBe(0);
      expect(complaints).toEqual([]);
    }));

  test('a hash that is pasted, by keyboard: each entry within reach with its distance and reason; never a value', () =>
    looking(async (page, { complaints }) => {
      await page.getByLabel('or a hash').focus();
      await page.keyboard.insertText(` ${planted[0]!.toUpperCase()} `);
      expect(await page.getByLabel('Read as').inputValue()).toBe('pdq');
      await page.keyboard.press('Enter');
      await verdict(page).getByText('2 entries match, on police.').waitFor();
      const police = (await list(page, 'police').innerText()).replaceAll(/\s+/g, ' ');
      expect(police).toContain('radius 31 bits');
      expect(police).toContain('3 within reach, 2 by the rules of the list');
      expect(police).toMatch(
        /near 12 bits PDQ match Within 31 bits\. not shown: its id may be a value 20 bits PDQ match/,
      );
      expect(police).toContain(`${HOSTILE} 40 bits PDQ no match 40 bits are beyond the radius of the list, 31.`);
      expect(await list(page, 'closed').innerText()).toContain('The list is disabled.');
      await panel(page).getByText('Nothing within reach on: sample.').waitFor();
      expect(await page.title()).toBe('Zeef');
      const markup = await page.content();
      expect(planted.filter((value) => markup.includes(value))).toEqual([]);
      expect(complaints).toEqual([]);
    }));

  test('a hash that matches nothing says what comes nearest', () =>
    looking(async (page) => {
      await page.getByLabel('or a hash').fill(away(away(planted[0]!, 40), 7).replace(/^/, ''));
      await page.getByRole('button', { name: 'Explain' }).click();
      await verdict(page).waitFor();
      await page.getByLabel('or a hash').fill(planted[200]!);
      await page.keyboard.press('Enter');
      await verdict(page).getByText('No entry is within the radius of its list, or up to 16 bits beyond.').waitFor();
      await page.getByLabel('or a hash').fill('0'.repeat(40));
      expect(await page.getByLabel('Read as').inputValue()).toBe('sha1');
      await page.keyboard.press('Enter');
      await verdict(page).getByText('No list has this digest.').waitFor();
    }));

  test('what is no hash and no image is said in words, and nothing is sent', () =>
    looking(async (page, { complaints }) => {
      const requests: string[] = [];
      page.on('request', (request) => requests.push(new URL(request.url()).pathname));
      const problem = page.locator('#explain-problem');
      const go = () => page.getByRole('button', { name: 'Explain' }).click();
      await go();
      await expect.poll(() => problem.innerText()).toBe('Choose an image, or paste a hash.');
      for (const [text, words] of [
        [
          planted[0]!.slice(1),
          'This has 63 digits. An MD5 has 32, a SHA-1 40, and a SHA-256, a PDQ hash or a blockhash 64.',
        ],
        [`${planted[0]!.slice(1)}g`, 'A hash has the digits 0 to 9 and a to f alone; this has “g”.'],
        [`${planted[0]!.slice(2)} 0`, 'A hash has the digits 0 to 9 and a to f alone; this has a space.'],
      ] as const) {
        await page.getByLabel('or a hash').fill(text);
        expect(await problem.innerText()).toBe('');
        await page.keyboard.press('Enter');
        await expect.poll(() => problem.innerText()).toBe(words);
        expect(await page.evaluate(() => document.activeElement?.id)).toBe('explain-hash');
      }
      await drop(page, [
        { name: 'a.jpg', bytes: picture },
        { name: 'b.jpg', bytes: picture },
      ]);
      await expect.poll(() => problem.innerText()).toBe('One image at a time.');
      await drop(page, [{ name: 'empty.jpg', bytes: Buffer.alloc(0) }]);
      await expect.poll(() => problem.innerText()).toBe('empty.jpg is empty.');
      expect(requests.filter((path) => path === '/v1/explain')).toEqual([]);
      // A file beside the panel does not replace the page.
      await drop(page, [{ name: 'beside.jpg', bytes: picture }], '#cases');
      await drop(page, [{ name: 'notes.txt', bytes: Buffer.from('no image') }]);
      await verdict(page)
        .getByText(/^not checked The file was not checked\. .*No list has its digest\.$/)
        .waitFor();
      await panel(page).getByText('no known image format').waitFor();
      expect(complaints).toEqual([]);
    }));

  test('a file over the limit is refused in words', () =>
    looking(async (page) => {
      await page.route('**/v1/explain*', (route) =>
        route.fulfill({
          status: 413,
          json: {
            code: 'BODY_TOO_LARGE',
            title: 'The body is too large.',
            details: { field: 'body', bytesMax: 5_000_000 },
          },
        }),
      );
      await drop(page, [{ name: 'a.jpg', bytes: picture }]);
      await page
        .locator('#explain-problem')
        .getByText('The file is larger than the service takes: at most 5 MB.')
        .waitFor();
    }));

  test('a check is on record where that is asked for, an image and a hash', () =>
    looking(async (page) => {
      const before = await checked();
      await page.getByLabel('Record this check').check();
      await page.locator('#explain-file').setInputFiles(join(PICTURES, 'mate-freshflower.jpg'));
      await panel(page).getByText('On record as a check: match. Both count as checks.').waitFor();
      expect(await checked()).toBe(before + 1);
      await page.getByLabel('or a hash').fill(planted[200]!);
      await page.keyboard.press('Enter');
      await panel(page).getByText('On record as a check: no match. Both count as checks.').waitFor();
      expect(await checked()).toBe(before + 2);
    }));

  test('windows: how many of which kinds, drawn where an entry is near one, and looked for where that is asked', async () => {
    const photograph = await sharp(join(PHOTOGRAPHS, 'mate-elephants.jpg')).resize(700).removeAlpha().png().toBuffer();
    const { pdq } = await ask<{ pdq: { hash: string } }>('POST', '/hash', photograph as never, 'image/png');
    const path = join(tempFolder('explain'), 'photos.csv');
    writeFileSync(path, rows([['p', pdq.hash]]));
    const terms = { list: 'photos', format: 'csv', kind: 'match', radiusBits: 31, approved: true } as const;
    await importList(running.service.store, { ...terms, paths: [path] });
    await running.service.reload();
    const edges = { top: 40, bottom: 90, left: 60, right: 60, background: '#fff' };
    const bordered = await sharp(photograph).extend(edges).png().toBuffer();
    await looking(async (page) => {
      await page.getByLabel('Windows').selectOption('standard');
      await drop(page, [{ name: 'bordered.png', bytes: bordered }]);
      await list(page, 'photos')
        .getByText('Only a part of the image is near: of a kind that the list does not look at (detail plain).')
        .waitFor();
      expect(await list(page, 'photos').locator('svg.window').count()).toBe(1);
      expect(await panel(page).innerText()).toMatch(/Windows\s+resampling \d+, border \d+.*\(detail standard\)/);
    });
  });

  test.each<[readonly Scope[], string]>([
    [['check', 'lists'], 'details'],
    [['details', 'lists'], 'check'],
  ])('a key with %j sees what it lacks, and no form', async (scopes, missing) => {
    const { key } = await running.service.store.keys.createKey({ tenant: 'a', scopes, name: null, expiresAt: null });
    await looking(
      async (page) => {
        await panel(page).getByText(`The key does not have the scope ${missing}.`).waitFor();
        expect(await page.locator('#explain-form').isVisible()).toBe(false);
      },
      { key },
    );
  });

  test.each([
    ['light', 1280],
    ['dark', 400],
  ] as const)('in %s at %i pixels axe finds nothing, and nothing is wider than the window', async (theme, width) => {
    const { key } = await running.service.store.keys.createKey({
      tenant: 'a',
      scopes: ['admin'],
      name: null,
      expiresAt: null,
    });
    await looking(
      async (page) => {
        await page.getByLabel('or a hash').fill(planted[0]!);
        await page.keyboard.press('Enter');
        await list(page, 'police').waitFor();
        expect(await axeFinds(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        const wide = await page
          .locator('#explain :is(td, dd, h4, p)')
          .evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML));
        expect(wide).toEqual([]);
      },
      { theme, width, key },
    );
  });
});

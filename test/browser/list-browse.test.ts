/** All entries of a list by their ids on its page, and what one of them says. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../support/browser.js';
import {
  addressOf,
  ask,
  dialog,
  expectFits,
  focused,
  HOSTILE,
  importCsv,
  listOf,
  looking,
  startLists,
  stopLists,
} from '../support/list-pages.js';

describe.runIf(hasChromium)('the entries of a list in a browser', () => {
  beforeAll(startLists);
  afterAll(stopLists);

  test('all entries come by their ids, page after page; one is opened, disabled and removed by keyboard; never a value', async () => {
    const many = Array.from(
      { length: 60 },
      (_, at) => `"e${String(at).padStart(2, '0')}",md5,${'cd'.repeat(15)}${at + 10}\n`,
    );
    const digest = createHash('md5').update('x').digest('hex');
    await importCsv(
      'browse',
      `entryId,algorithm,value\n"${HOSTILE.replaceAll('"', '""')}",md5,${'ef'.repeat(16)}\n${digest},md5,${'ee'.repeat(16)}\n${many.join('')}`,
    );
    await looking(async (page, { complaints }) => {
      const rows = dialog(page).locator('.browse tbody tr');
      await dialog(page).getByText('All entries, by their ids').focus();
      await page.keyboard.press('Enter');
      await dialog(page).getByText('50 shown.').waitFor();
      expect((await rows.allInnerTexts()).slice(0, 3).map((text) => text.replaceAll(/\s+/g, ' ').trim())).toEqual([
        // A digest begins with a digit here.
        'not shown: its id may be a value md5 enabled',
        `${HOSTILE} md5 enabled`,
        'e00 md5 enabled',
      ]);
      await dialog(page).getByRole('button', { name: 'More', exact: true }).focus();
      await page.keyboard.press('Enter');
      await dialog(page).getByText('62 shown, all of them.').waitFor();
      expect(await rows.count()).toBe(62);
      await rows.getByText('not shown: its id may be a value').waitFor();
      // The first of the new rows has the focus.
      expect(await focused(page)).toMatch(/^e\d\d$/);
      const one = rows.getByRole('button', { name: 'e07', exact: true });
      await one.focus();
      await page.keyboard.press('Enter');
      const found = dialog(page).locator('.entry-form [role=status]');
      await found.getByText('md5: enabled').waitFor();
      await found.getByRole('button', { name: 'Disable' }).click();
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Disable' }).click();
      await rows.filter({ hasText: 'e07' }).getByText('disabled').waitFor();
      await found.getByRole('button', { name: 'Remove' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('#confirm-dialog').getByText('To keep it out, disable it instead.').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await found.getByText('The list has no entry with this id.').waitFor();
      await expect.poll(() => rows.count()).toBe(61);
      expect((await listOf('browse')).entryCount).toBe(61);
      expect(await page.title()).toBe('Zeef');
      expect(await page.content()).not.toContain(digest);
      expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    }, addressOf('browse'));
  });

  test('an entry has its notes, tags and dates; a text that may be a value is not shown', async () => {
    const value = 'fa'.repeat(16);
    const row = {
      entryId: 'noted',
      algorithm: 'md5',
      value,
      updatedAt: '2026-09-14T09:00:00Z',
      tags: ['seen twice', 'ba'.repeat(16)],
    };
    await ask('POST', '/lists/noted/entries?format=jsonl', `${JSON.stringify(row)}\n`, 'application/x-ndjson');
    await looking(async (page) => {
      await dialog(page).getByLabel('Entry, by its id').fill('noted');
      await page.keyboard.press('Enter');
      const found = dialog(page).locator('.entry-form [role=status]');
      await found.getByText('md5: enabled').waitFor();
      const text = await found.innerText();
      expect(text).toContain('updated 14 Sept 2026 09:00');
      expect(text).toContain('tags seen twice, not shown: it may be a value');
      expect(await page.content()).not.toContain('ba'.repeat(16));
    }, addressOf('noted'));
  });

  test.each([
    ['light', 1280],
    ['dark', 400],
  ] as const)(
    'all entries in %s at %i pixels: axe finds nothing, and nothing is wider than the window',
    (theme, width) =>
      looking(
        async (page) => {
          await dialog(page).getByText('All entries, by their ids').click();
          await dialog(page).locator('.browse tbody tr').first().waitFor();
          await dialog(page).locator('.browse tbody button').first().click();
          await dialog(page).locator('.entry-form [role=status] li').waitFor();
          await expectFits(page, width);
        },
        { theme, width, ...addressOf('browse') },
      ),
  );
});

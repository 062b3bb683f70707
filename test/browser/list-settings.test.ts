/** The settings of a list on its page: its name, its bank and the share of the checks in which it counts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../support/browser.js';
import {
  addressOf,
  ask,
  csv,
  dialog,
  expectFits,
  importCsv,
  listOf,
  looking,
  planted,
  startLists,
  stopLists,
} from '../support/list-pages.js';

const settings = (name: string) => listOf(name) as Promise<{ bank?: string | null; sampleRatio?: number } | undefined>;

describe.runIf(hasChromium)('the settings of a list in a browser', () => {
  beforeAll(async () => {
    await startLists();
    await importCsv('settled', csv(planted.slice(0, 3)));
    await ask('POST', '/lists', JSON.stringify({ list: 'good', kind: 'suppression' }), 'application/json');
  });
  afterAll(stopLists);

  test('bank and sample are changed after a confirmation, and are facts of the list', () =>
    looking(async (page) => {
      const opened = dialog(page);
      await opened.getByText('Name, bank and sample').click();
      await opened.getByRole('button', { name: 'Save' }).click();
      await opened.getByText('Nothing is changed.').waitFor();
      await opened.getByLabel('Bank of HMA').fill('SETTLED');
      await opened.getByLabel('Counts in % of the checks').fill('7');
      await opened.getByRole('button', { name: 'Save' }).click();
      const asked = page.locator('#confirm-dialog');
      expect(await asked.innerText()).toMatch(/Clients of HMA find it as SETTLED\.\s+Its matches count in 7 %/);
      await asked.getByRole('button', { name: 'Cancel' }).click();
      expect(await settings('settled')).toMatchObject({ bank: null, sampleRatio: 1 });
      // What was typed is still there.
      expect(await opened.getByLabel('Bank of HMA').inputValue()).toBe('SETTLED');
      await opened.getByRole('button', { name: 'Save' }).click();
      await asked.getByRole('button', { name: 'Change' }).click();
      await opened.getByText('settled is changed.').waitFor();
      expect(await settings('settled')).toMatchObject({ bank: 'SETTLED', sampleRatio: 0.07 });
      expect(await opened.locator('.case-facts').first().innerText()).toMatch(
        /Bank of HMA\s+SETTLED\s+Sample\s+counts in 7 % of the checks/,
      );
      await opened.getByLabel('Bank of HMA').fill('');
      await opened.getByLabel('Bank of HMA').press('Enter');
      await asked.getByRole('button', { name: 'Change' }).click();
      await expect.poll(() => settings('settled')).toMatchObject({ bank: null, sampleRatio: 0.07 });
    }, addressOf('settled')));

  test('a refused name is said in words; a new one has the page and its address', () =>
    looking(async (page) => {
      const opened = dialog(page);
      await opened.getByText('Name, bank and sample').click();
      const name = opened.getByLabel('Name', { exact: true });
      const save = async () => {
        await opened.getByRole('button', { name: 'Save' }).click();
        await page.locator('#confirm-dialog').getByRole('button', { name: 'Change' }).click();
      };
      await name.fill('good');
      await save();
      await opened.locator('.outcome .problem').filter({ hasText: /\S/ }).waitFor();
      expect((await listOf('settled')).entryCount).toBe(3);
      await name.fill('settled-2026');
      await save();
      await opened.getByText('The list is called settled-2026 now.').waitFor();
      await opened.getByRole('heading', { name: 'settled-2026' }).waitFor();
      expect(page.url()).toContain('settled-2026');
      expect((await listOf('settled-2026')).entryCount).toBe(3);
      expect(await listOf('settled')).toBeUndefined();
      await page.keyboard.press('Escape');
      await expect.poll(() => page.url()).not.toContain('settled-2026');
    }, addressOf('settled')));

  test('a suppression list has a name alone', () =>
    looking(async (page) => {
      await dialog(page).getByText('Name, bank and sample').click();
      await dialog(page).getByLabel('Name', { exact: true }).waitFor();
      expect(await dialog(page).getByLabel('Bank of HMA').isVisible()).toBe(false);
    }, addressOf('good')));

  test('a dump of HMA is imported by the name of its bank', () =>
    looking(async (page) => {
      const opened = dialog(page);
      await opened.getByText('Import a file').click();
      const bank = opened.getByLabel('Bank of the dump');
      expect(await bank.isVisible()).toBe(false);
      const line = { id: 7, disable_until_ts: 1, bank: { name: 'OTHER' }, signals: { video_md5: 'ab'.repeat(16) } };
      const lines = [line, { ...line, id: 8, bank: { name: 'MINE' }, signals: { video_md5: 'cd'.repeat(16) } }];
      await opened.getByLabel('File', { exact: true }).setInputFiles({
        name: 'contents.jsonl',
        mimeType: 'application/json',
        buffer: Buffer.from(lines.map((one) => `${JSON.stringify(one)}\n`).join('')),
      });
      await opened.getByLabel('Format').selectOption('hma');
      await bank.fill('MINE');
      await opened.getByRole('button', { name: 'Import', exact: true }).click();
      await expect.poll(async () => (await listOf('moved'))?.entryCount, { timeout: 10_000 }).toBe(1);
    }, addressOf('moved')));

  test.each([
    ['light', 1280],
    ['dark', 400],
  ] as const)('in %s at %i pixels axe finds nothing, and nothing is wider than the window', (theme, width) =>
    looking(
      async (page) => {
        await dialog(page).getByText('Name, bank and sample').click();
        await dialog(page).getByLabel('Name', { exact: true }).waitFor();
        await expectFits(page, width);
      },
      { theme, width, ...addressOf('settled-2026') },
    ),
  );
});

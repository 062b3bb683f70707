/** Imports by upload on the page of a list. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pdqLike } from '../../bench/pdq-like.js';
import { formatOf, HASHLIST_FORMATS } from '../../src/hashlists/importers.js';
import { hasChromium } from '../support/browser.js';
import {
  addressOf,
  CANARY,
  csv,
  dialog,
  focused,
  HOSTILE,
  importCsv,
  listOf,
  looking,
  part,
  planted,
  startLists,
  stopLists,
} from '../support/list-pages.js';

describe.runIf(hasChromium)('imports by upload in a browser', () => {
  beforeAll(async () => {
    await startLists();
    await importCsv('police', csv(planted.slice(0, 100)));
  });
  afterAll(stopLists);

  const fileOf = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  /** Open the form, choose files, and send them. */
  async function upload(page: Page, files: ReturnType<typeof fileOf>[], mode = 'replace'): Promise<void> {
    await dialog(page).getByText('Import a file').click();
    await dialog(page).locator('input[type=file]').setInputFiles(files);
    await dialog(page).getByLabel('It shall').selectOption(mode);
    await dialog(page).getByRole('button', { name: 'Import', exact: true }).click();
  }

  test('the form offers the formats that the service takes, and finds the one of a suffix', () =>
    looking(async (page) => {
      await dialog(page).getByText('Import a file').click();
      const format = dialog(page).getByLabel('Format');
      const offered = await format.locator('option').evaluateAll((all) => all.map((one) => one.getAttribute('value')));
      expect(offered.filter(Boolean).sort()).toEqual(HASHLIST_FORMATS.filter((one) => one !== 'nsrl').sort());
      for (const name of ['a.csv', 'a.ndjson', 'a.txt', 'a.json']) {
        await dialog(page).locator('input[type=file]').setInputFiles(fileOf(name, 'x'));
        expect(await format.inputValue()).toBe(name === 'a.json' ? '' : formatOf(name));
      }
    }, addressOf('police')));

  test('a new list is imported by keyboard: what was accepted, what was rejected and where, and found after a reload', () =>
    looking(async (page, { complaints }) => {
      await page.getByLabel('New list', { exact: true }).focus();
      await page.keyboard.type('new one');
      await page.keyboard.press('Enter');
      await dialog(page).getByText('There is no list new one.').waitFor();
      await page.keyboard.press('Escape');
      await page.getByLabel('New list', { exact: true }).fill('brand-new');
      await page.keyboard.press('Enter');
      await dialog(page).getByText('Import a file').focus();
      await page.keyboard.press('Enter');
      const name = `${HOSTILE.replaceAll(/[/"]/g, '')}.csv`;
      await dialog(page)
        .locator('input[type=file]')
        .setInputFiles(fileOf(name, `${csv(planted.slice(0, 5))}x,pdq,ff,A1\n`));
      await dialog(page).getByLabel('Categories').focus();
      await page.keyboard.press('Enter');
      const imports = part(page, 'Imports');
      await imports.getByText('5 entries accepted, 0 duplicates, 1 rejected; 5 added, 0 removed').waitFor();
      await imports.getByText('line 7: not a value of its algorithm').waitFor();
      await imports.getByText('active', { exact: true }).waitFor();
      expect(await listOf('brand-new')).toMatchObject({ entryCount: 5 });
      await page.reload();
      await imports.getByText('5 entries accepted').waitFor();
      expect(await dialog(page).locator('img').count()).toBe(0);
      const shown = await page.content();
      expect(planted.filter((value) => shown.includes(value))).toEqual([]);
      expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    }));

  test('a long list is a job: how far it is, and found by a page that is loaded meanwhile', async () => {
    const many = pdqLike(20_000, 31);
    const values = Array.from({ length: 20_000 }, (_, at) =>
      Buffer.from(many.subarray(at * 32, at * 32 + 32)).toString('hex'),
    );
    await looking(async (page) => {
      // A job that does not end while it is looked at.
      let state = 'running';
      await page.context().route('**/v1/jobs?list=long', async (route) => {
        const answer = await route.fetch();
        const { jobs } = (await answer.json()) as { jobs: { bytes: number }[] };
        const half = {
          state,
          bytesDone: Math.floor((jobs[0]?.bytes ?? 0) / 2),
          rowsRead: 9_876,
          finishedAt: null,
          report: null,
        };
        const first = state === 'running' && jobs.length > 0 ? { ...jobs[0], ...half } : jobs[0];
        await route.fulfill({ response: answer, json: { jobs: jobs.length > 0 ? [first, ...jobs.slice(1)] : [] } });
      });
      await upload(page, [fileOf('long.csv', csv(values))]);
      const imports = part(page, 'Imports');
      await imports.getByText(/ of 1\.\d+ MB read, 50%, 9,876 rows/).waitFor();
      await page.reload();
      await imports.getByText(/ of 1\.\d+ MB read, 50%/).waitFor();
      state = '';
      await imports.getByText('20,000 entries accepted').waitFor({ timeout: 15_000 });
      expect((await listOf('long')).entryCount).toBe(20_000);
    }, addressOf('long'));
  });

  test('an upload shows what is sent, continues while the dialog is closed, and is cancelled: nothing of it is imported', () =>
    looking(async (page) => {
      const network = await page.context().newCDPSession(page);
      await network.send('Network.enable');
      await network.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: 200_000,
      });
      await upload(page, [fileOf('slow.csv', csv(Array.from({ length: 60_000 }, (_, at) => planted[at % 400]!)))]);
      const sending = part(page, 'Upload');
      await sending.getByText(/[1-9]\d* kB of 4\.\d+ MB sent/).waitFor();
      await page.keyboard.press('Escape');
      await page.getByLabel('New list', { exact: true }).fill('slow');
      await page.keyboard.press('Enter');
      const cancel = sending.getByRole('button', { name: 'Cancel the upload' });
      await cancel.focus();
      await page.waitForTimeout(1_000);
      expect(await focused(page)).toBe('Cancel the upload');
      await page.keyboard.press('Enter');
      await dialog(page).getByText('The upload of slow.csv was cancelled: nothing of it is imported.').waitFor();
      expect(await listOf('slow')).toBeUndefined();
    }, addressOf('slow')));

  test('a file that is refused, and a list that would be replaced: in words, before anything is changed', async () => {
    await importCsv('words', csv(planted.slice(0, 30)));
    await looking(async (page) => {
      await upload(page, [fileOf('a.csv', 'entryId,algorithm,value\nx,pdq,ff\n')], 'add');
      await dialog(page).getByText('a.csv: The hash list cannot be imported. no row can be imported.').waitFor();
      // The job that is shown below says it too, as soon as it is known.
      await dialog(page).locator('.problem').getByText('Line 2.').waitFor();
      await dialog(page)
        .locator('input[type=file]')
        .setInputFiles([fileOf('1.csv', csv(planted.slice(0, 2))), fileOf('2.csv', csv(planted.slice(2, 4)))]);
      await dialog(page).getByLabel('It shall').selectOption('replace');
      await dialog(page).getByRole('button', { name: 'Import', exact: true }).click();
      await dialog(page).getByText('Several files together replace a list by zeef lists import').waitFor();
      await dialog(page)
        .locator('input[type=file]')
        .setInputFiles(fileOf('1.csv', csv(planted.slice(0, 29))));
      await dialog(page).getByRole('button', { name: 'Import', exact: true }).click();
      await page
        .locator('#confirm-dialog[open]')
        .getByText('its 30 entries that are not in it match no more')
        .waitFor();
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Cancel' }).click();
      expect((await listOf('words')).entryCount).toBe(30);
      await dialog(page).getByRole('button', { name: 'Import', exact: true }).click();
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Replace' }).click();
      await part(page, 'Imports').getByText('29 entries accepted').waitFor();
      expect((await listOf('words')).entryCount).toBe(29);
    }, addressOf('words'));
  });

  test('several files are added in turn, and end at one that is held: the next would replace what waits', async () => {
    await importCsv('turns', csv(planted.slice(0, 3)));
    await looking(async (page) => {
      const file = (n: number, values: string[]) =>
        fileOf(
          `${n}.csv`,
          csv(values, (at) => `f${n}-${at}`),
        );
      await upload(page, [file(1, planted.slice(10, 12)), file(2, [CANARY]), file(3, planted.slice(20, 22))], 'add');
      await dialog(page).getByText('2.csv is held. 1 files after it were not sent.').waitFor();
      await part(page, 'Held version').waitFor();
      expect(await listOf('turns')).toMatchObject({ entryCount: 5, version: 2, heldVersion: 3 });
    }, addressOf('turns'));
  });
});

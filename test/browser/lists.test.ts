/** The lists in a browser: one list opened by its own address, with its versions and the state of its source. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import { hasChromium } from '../support/browser.js';
import {
  addressOf,
  ask,
  CANARY,
  csv,
  dialog,
  expectFits,
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
import type { Running } from '../support/running.js';

const MINUTE_MS = 60_000;

let running: Running;

/** A list with versions, a held one, and a source that was synced, failed, and is due. */
async function plant(list: string): Promise<void> {
  await importCsv(list, csv(planted.slice(0, 100)));
  await importCsv(list, `${csv(planted.slice(0, 104))}e0,pdq,${planted[0]},A1\nx,pdq,ff,A1\ny,sha9,ff,A1\n`);
  const why = `SOURCE_FAILED: page 2: ${HOSTILE}`;
  const [syncedAt, endedAt] = [50 * MINUTE_MS, MINUTE_MS].map((ago) => new Date(Date.now() - ago).toISOString());
  await running.service.store.lists.setSource(list, {
    ...NEW_SOURCE,
    type: 'ncmec',
    url: 'https://127.0.0.1:1/hashsharing',
    user: 'testington',
    everyMinutes: 60,
    syncedAt: syncedAt!,
    lastTry: { startedAt: endedAt!, endedAt: endedAt!, outcome: 'failed', why },
  });
}

/** An id of an entry. */
const DIGEST = createHash('sha256').update('id').digest('hex');

/** A list whose second version is held by canaries, one that ships and those of a suppression list, and by a crowd. */
async function plantHeld(list: string): Promise<void> {
  const rows = (named: readonly (readonly [string, string])[]) =>
    `entryId,algorithm,value\n${named.map(([id, value]) => `"${id.replaceAll('"', '""')}",pdq,${value}\n`).join('')}`;
  await ask(
    'POST',
    '/lists/stock/entries?format=csv&kind=suppression',
    rows([
      [HOSTILE, planted[300]!],
      [DIGEST, planted[301]!],
    ]),
  );
  await importCsv(list, csv(planted.slice(0, 1)));
  const crowd = Array.from({ length: 25 }, (_, n) => {
    const hash = Buffer.from(planted[310]!, 'hex');
    hash[n]! ^= 1;
    return [`crowd${n}`, hash.toString('hex')] as const;
  });
  const named = [['e-canary', CANARY], [HOSTILE, planted[300]!], [DIGEST, planted[301]!], ...crowd] as const;
  const held = await importCsv(list, rows(named));
  expect(held.state).toBe('held');
}

describe.runIf(hasChromium)('the lists in a browser', () => {
  beforeAll(async () => {
    running = await startLists();
    await plant('police');
    await plantHeld('held');
  });
  afterAll(stopLists);

  test('in the narrow table of lists no value covers its neighbour', () =>
    looking(
      async (page) => {
        await page.locator('#lists').getByText('version 2 waits for approval').waitFor();
        const wide = await page
          .locator('#lists td')
          .evaluateAll((cells) =>
            cells.filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.innerHTML),
          );
        expect(wide).toEqual([]);
      },
      { width: 390 },
    ));

  test('a list opens from the table, and has an address that is reloaded and shared; Escape gives its name the focus', () =>
    looking(async (page, { complaints }) => {
      const name = page.locator('#lists').getByRole('button', { name: 'police', exact: true });
      await name.focus();
      await page.keyboard.press('Enter');
      await part(page, 'Versions').getByText('version').first().waitFor();
      await page.waitForURL(/#opened=police/);
      await page.reload();
      await dialog(page).getByRole('heading', { name: 'police' }).waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => !url.href.includes('opened'));
      expect(await name.evaluate((button) => button === document.activeElement)).toBe(true);
      await page.evaluate(() => {
        location.hash = '#opened=none%20such';
      });
      await dialog(page).getByText('There is no list none such.').waitFor();
      // A list without a source answers so.
      expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    }));

  test('versions say what each import changed, what it left out and why, and whose it was', () =>
    looking(async (page) => {
      const rows = part(page, 'Versions').locator('tbody tr');
      await rows.filter({ hasText: 'by this machine' }).first().waitFor();
      const [second, first] = (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
      expect(first).toMatch(/^1 past .* UTC|^1 past/);
      expect(first).toContain('+100 −0 0');
      expect(second).toMatch(/^2 active/);
      expect(second).toContain('by this machine');
      expect(second).toContain('+4 −0');
      expect(second).toContain('2 rejected, 1 duplicate');
      expect(second).toContain('1 not a value of its algorithm');
      expect(second).toContain('1 unknown algorithm');
    }, addressOf('police')));

  test('a held version names the rules, the entries, and the images that they are near; never a value', () =>
    looking(async (page, { complaints }) => {
      const held = part(page, 'Held version');
      const text = (await held.innerText()).replaceAll(/\s+/g, ' ');
      expect(text).toContain('Version 2 waits for approval. Version 1 stays active.');
      expect(text).toContain('3 entries match known harmless images (limit 0).');
      expect(text).toMatch(/line 2 e-canary near a harmless image of Zeef: [a-z ]+ \(line 6 of its canaries\)/);
      expect(text).toContain(`line 3 ${HOSTILE} near ${HOSTILE} of stock`);
      expect(text).toContain('line 4 no id near an entry whose id is not shown of stock');
      expect(text).toContain('25 new entries match many others of the import (limit 20).');
      expect(text).toContain('line 6 crowd1 near line 5, crowd0');
      const shown = await page.content();
      expect([...planted, CANARY, DIGEST].filter((value) => shown.includes(value))).toEqual([]);
      expect(await dialog(page).locator('img').count()).toBe(0);
      expect(await page.title()).toBe('Zeef');
      expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    }, addressOf('held')));

  test('of many versions the newest are shown, the others on request', async () => {
    for (let n = 0; n < 12; n++) await importCsv('desk', csv([planted[n]!]), 'add');
    await looking(async (page) => {
      const rows = part(page, 'Versions').locator('tbody tr');
      await expect.poll(() => rows.count()).toBe(10);
      await part(page, 'Versions').getByRole('button', { name: 'Show 2 more' }).click();
      await expect.poll(() => rows.count()).toBe(12);
    }, addressOf('desk'));
  });

  test('the source: when it was synced, is due, and why the last sync failed; a sync is requested', () =>
    looking(async (page, { complaints }) => {
      const source = part(page, 'Source');
      await source.getByText(`failed, `).waitFor();
      const text = (await source.innerText()).replaceAll(/\s+/g, ' ');
      expect(text).toContain('ncmec, https://127.0.0.1:1/hashsharing');
      expect(text).toContain('50 min ago');
      expect(text).toContain(`SOURCE_FAILED: page 2: ${HOSTILE}`);
      expect(text).toMatch(/in 9 min( \d+ s)?, at .*, every 1 h/);
      const sync = source.getByRole('button', { name: 'Sync now' });
      await sync.click();
      await source.getByText('requested: waits for its turn').waitFor();
      expect(await sync.isDisabled()).toBe(true);
      const { lists } = running.service.store;
      const asked = (await lists.source('police'))!;
      expect(asked.requestedAt).not.toBeNull();
      // The sync ends: the open dialog says so by itself.
      const endedAt = new Date(Date.now() + 1_000).toISOString();
      const lastTry = { startedAt: endedAt, endedAt, outcome: 'synced' as const, why: null };
      await lists.setSource('police', { ...asked, requestedAt: null, syncedAt: endedAt, lastTry });
      await source.getByText('synced, ').waitFor();
      await expect.poll(() => sync.isDisabled()).toBe(false);
      expect(complaints).toEqual([]);
      expect(await page.title()).toBe('Zeef');
    }, addressOf('police')));

  test('a refresh keeps the focus and the rows, also where a version comes before them', async () => {
    await importCsv('kept', csv(planted.slice(200, 220)));
    await looking(async (page) => {
      const row = part(page, 'Versions').locator('tr[data-key="version 1"]');
      const before = (await row.elementHandle())!;
      const close = dialog(page).getByRole('button', { name: 'Close' });
      await close.focus();
      await importCsv('kept', csv(planted.slice(200, 222)));
      await part(page, 'Versions').locator('tr[data-key="version 2"]').waitFor({ timeout: 15_000 });
      expect(await before.evaluate((element) => element.isConnected)).toBe(true);
      expect(await focused(page)).toBe('Close');
    }, addressOf('kept'));
  });

  test('a held version is approved after a confirmation that begins on Cancel, by keyboard', async () => {
    await plantHeld('approved');
    await looking(async (page) => {
      const approve = dialog(page).getByRole('button', { name: 'Approve…' });
      await approve.focus();
      await page.keyboard.press('Enter');
      const asks = page.locator('#confirm-dialog[open]');
      await asks.getByRole('heading', { name: 'Approve version 2 of approved?' }).waitFor();
      await asks.getByText('It becomes active at once: 28 entries added, 1 removed.').waitFor();
      await asks.getByText('canary (3), crowded (25)').waitFor();
      expect(await focused(page)).toBe('Cancel');
      await page.keyboard.press('Enter');
      expect((await listOf('approved')).heldVersion).toBe(2);
      expect(await focused(page)).toBe('Approve…');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      expect(await focused(page)).toBe('Approve');
      await page.keyboard.press('Enter');
      await dialog(page).getByText('Version 2 of approved is approved.').waitFor();
      await part(page, 'Held version').waitFor({ state: 'detached' });
      expect(await listOf('approved')).toMatchObject({ heldVersion: null, entryCount: 28 });
      // The button that had the focus is gone.
      await expect.poll(() => focused(page)).toBe('approved');
      // Behind the dialog the table follows.
      await page.locator('#lists tr[data-key="approved"]').filter({ hasText: '28' }).waitFor();
    }, addressOf('approved'));
  });

  test('a question that is asked at once after a cancelled one has its own answer', async () => {
    await plantHeld('asked');
    await looking(async (page) => {
      await dialog(page).getByRole('button', { name: 'Approve…' }).waitFor();
      // Before the event of the first end arrives.
      await page.evaluate(() => {
        const click = (where: string, label: string) => {
          const buttons = [...document.querySelectorAll<HTMLElement>(`${where} button`)];
          buttons.find(({ textContent }) => textContent === label)!.click();
        };
        click('#list-dialog', 'Approve…');
        click('#confirm-dialog', 'Cancel');
        click('#list-dialog', 'Approve…');
      });
      await page.waitForTimeout(200);
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Approve', exact: true }).click();
      await dialog(page).getByText('Version 2 of asked is approved.').waitFor();
    }, addressOf('asked'));
  });

  test('what was seen is decided, not what came meanwhile: the refusal is in words', async () => {
    await plantHeld('raced');
    await looking(async (page) => {
      await dialog(page).getByRole('button', { name: 'Reject…' }).click();
      await page.locator('#confirm-dialog[open]').getByText('Reject version 2 of raced?').waitFor();
      await page.route('**/reject?*', (route) => route.continue({ url: route.request().url().replace('=20', '=21') }));
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Reject', exact: true }).click();
      await dialog(page).getByRole('alert').filter({ hasText: 'Not found. No such version is held.' }).waitFor();
      expect((await listOf('raced')).heldVersion).toBe(2);
      await page.unroute('**/reject?*');
      await dialog(page).getByRole('button', { name: 'Reject…' }).click();
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Reject', exact: true }).click();
      await dialog(page).getByText('Version 2 of raced is discarded.').waitFor();
      expect((await listOf('raced')).heldVersion).toBe(null);
    }, addressOf('raced'));
  });

  test('a change whose answer is lost is not said to be made, nor to be refused', async () => {
    await importCsv('lost', csv(planted.slice(0, 3)));
    await looking(async (page) => {
      await page.route('**/v1/lists/lost', (route) => route.abort());
      await dialog(page).getByRole('button', { name: 'Disable the list' }).click();
      await page.locator('#confirm-dialog').getByRole('button', { name: 'Disable' }).click();
      await dialog(page).getByRole('alert').filter({ hasText: 'Whether the change was made is not known' }).waitFor();
      expect((await listOf('lost')).enabled).toBe(true);
    }, addressOf('lost'));
  });

  test('a list is rolled back, disabled and enabled', async () => {
    await importCsv('back', csv(planted.slice(0, 10)));
    await importCsv('back', csv(planted.slice(0, 12)));
    await looking(async (page) => {
      const confirm = (name: string) =>
        page.locator('#confirm-dialog[open]').getByRole('button', { name, exact: true }).click();
      // A slow service: the change is said to be made once the dialog has its numbers.
      await page.route('**/v1/lists', async (route) => {
        await new Promise((done) => setTimeout(done, 500));
        await route.continue();
      });
      await dialog(page).getByRole('button', { name: 'Roll back to version 1' }).click();
      await confirm('Roll back');
      await dialog(page).getByText('back is rolled back to version 1.').waitFor();
      expect(await listOf('back')).toMatchObject({ version: 3, entryCount: 10 });
      await dialog(page).getByRole('button', { name: 'Disable the list' }).click();
      await page.locator('#confirm-dialog[open]').getByText('10 entries match nothing').waitFor();
      await confirm('Disable');
      await dialog(page).getByText('disabled: nothing matches it').waitFor();
      expect((await listOf('back')).enabled).toBe(false);
      await dialog(page).getByRole('button', { name: 'Enable the list' }).click();
      await confirm('Enable');
      await dialog(page).getByText('back is enabled.').waitFor();
      expect((await listOf('back')).enabled).toBe(true);
    }, addressOf('back'));
  });

  test('an entry is found by its id, quarantined, released and disabled; a flood is decided', async () => {
    await importCsv(
      'marks',
      csv(planted.slice(0, 10), (at) => (at === 0 ? HOSTILE.replaceAll('"', '') : `e${at}`)),
    );
    const { lists } = running.service.store;
    await lists.changeEntries('marks', { entryId: 'e1' }, 'flood');
    const entry = async (id: string) => (await lists.entry('marks', id))[0]!;
    await looking(async (page, { complaints }) => {
      const confirm = (name: string) =>
        page.locator('#confirm-dialog[open]').getByRole('button', { name, exact: true }).click();
      const marked = part(page, 'Entries with a mark');
      await marked.getByText('suddenly matched at many places').waitFor();
      await marked.getByRole('button', { name: 'Quarantine: e1' }).click();
      await confirm('Quarantine');
      await marked.getByText('quarantined: its matches do not count').waitFor();
      expect(await entry('e1')).toMatchObject({ quarantined: true });
      await marked.getByRole('button', { name: 'Release: e1' }).click();
      await confirm('Release');
      await marked.waitFor({ state: 'detached' });
      expect(await entry('e1')).toMatchObject({ quarantined: false, flooded: false });
      await dialog(page).getByLabel('Entry, by its id').fill('none such');
      await page.keyboard.press('Enter');
      await dialog(page).getByText('The list has no entry with this id.').waitFor();
      const hostile = HOSTILE.replaceAll('"', '');
      await dialog(page).getByLabel('Entry, by its id').fill(hostile);
      await page.keyboard.press('Enter');
      await dialog(page).getByText('pdq: enabled').waitFor();
      await dialog(page).getByRole('button', { name: 'Disable', exact: true }).click();
      await confirm('Disable');
      await dialog(page).getByText('pdq: disabled').waitFor();
      expect(await entry(hostile)).toMatchObject({ disabled: true });
      expect(await focused(page)).toBe('Quarantine');
      await page.keyboard.press('Enter');
      await confirm('Quarantine');
      await marked.getByText(hostile).waitFor();
      expect(await dialog(page).locator('img').count()).toBe(0);
      expect(await page.title()).toBe('Zeef');
      expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    }, addressOf('marks'));
  });

  describe.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('axe finds nothing, and it fits: %s, %d pixels', (theme, width) => {
    test.each(['police', 'held'])('the list %s', (list) =>
      looking(
        async (page) => {
          await part(page, 'Versions').getByText('active').waitFor();
          await dialog(page).getByText('Import a file').click();
          await expectFits(page, width);
          await dialog(page).getByRole('button', { name: 'Disable the list' }).click();
          await page.locator('#confirm-dialog[open]').waitFor();
          await expectFits(page, width);
        },
        { theme, width, ...addressOf(list) },
      ),
    );
  });

  test('no value of a list is in the document', async () => {
    // Ids that are values, as on some lists. One entry, of a store that took its id as it was, has a mark.
    await importCsv(
      'values',
      csv(planted.slice(100, 130), (at) => (at === 0 ? DIGEST : planted[100 + at]!)),
    );
    await running.service.store.lists.changeEntries('values', { entryId: DIGEST }, 'flood');
    await looking(async (page) => {
      await part(page, 'Entries with a mark').getByText('an entry whose id is not shown').waitFor();
      await dialog(page).getByLabel('Entry, by its id').fill(DIGEST);
      await page.keyboard.press('Enter');
      await dialog(page).getByText('pdq: enabled').waitFor();
      await dialog(page)
        .getByRole('button', { name: /^Release/ })
        .first()
        .click();
      await page
        .locator('#confirm-dialog[open]')
        .getByText('Release an entry whose id is not shown of values?')
        .waitFor();
      const text = await page.content();
      expect(text).toContain('version 1');
      expect([...planted, DIGEST].filter((value) => text.includes(value))).toEqual([]);
      expect(text.match(/[0-9a-f]{32}/g)).toBeNull();
    }, addressOf('values'));
  });

  test('without the scope admin nothing can be changed, and the dialog says so', async () => {
    const { key } = await running.service.store.keys.createKey({ tenant: 'desk', scopes: ['lists'], expiresAt: null });
    try {
      await looking(
        async (page) => {
          await dialog(page).getByText('Changes need a key with admin.').waitFor();
          expect(await dialog(page).getByRole('button').allTextContents()).toEqual(['Find', 'Close']);
          expect(await part(page, 'Versions').innerText()).not.toContain('by this machine');
        },
        { key, ...addressOf('police') },
      );
    } finally {
      for (const { id } of await running.service.store.keys.keys(null))
        await running.service.store.keys.revokeKey(null, id);
    }
  });
});

/** The desk with keys in a browser: who decides, many decisions at once, exports, links to what a reference names. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { axeFinds, hasChromium, launchBrowser, type Visit, type VisitOptions, visit } from '../support/browser.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const HOSTILE = `<img src=x onerror="document.title='owned'">`;

let running: Running;
let browser: Browser;
let anna: { readonly key: string; readonly id: string };

interface TestHit {
  readonly id: string;
  readonly status: string;
  readonly history: readonly { readonly status: string; readonly note: string | null }[];
}

async function check(reference: string): Promise<void> {
  const response = await fetch(`${running.url}/v1/check?reference=${encodeURIComponent(reference)}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', authorization: `Bearer ${anna.key}` },
    body: new Uint8Array(readFileSync(`${PICTURES}/mate-freshflower.jpg`)),
  });
  expect(((await response.json()) as { verdict: string }).verdict).toBe('match');
}

async function hitOf(reference: string): Promise<TestHit> {
  const answer = await fetch(`${running.url}/v1/hits?reference=${encodeURIComponent(reference)}`, {
    headers: { authorization: `Bearer ${anna.key}` },
  });
  return ((await answer.json()) as { hits: TestHit[] }).hits[0]!;
}

const row = (page: Page, reference: string) =>
  page.locator('tr[data-id]').filter({ has: page.getByText(reference, { exact: true }) });

async function looking(run: (page: Page, visited: Visit) => Promise<void>, options: VisitOptions = {}): Promise<void> {
  const visited = await visit(browser, running.url, { key: anna.key, ...options });
  try {
    await run(visited.page, visited);
  } finally {
    await visited.close();
  }
}

/** Axe finds nothing, and the page is not wider than its window. */
async function isSound(page: Page): Promise<void> {
  expect(await axeFinds(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
}

const BULK = [
  'keys/1',
  'keys/2',
  'mouse/1',
  'mouse/2',
  'mouse/3',
  'away/1',
  'away/2',
  'lost/1',
  'lost/2',
  'again/1',
  'again/2',
  'all/1',
  'all/2',
];

/** By theme and width. */
const LOOKS = [
  ['light', 1280],
  ['dark', 390],
] as const;

describe.runIf(hasChromium)('the desk in a browser', () => {
  beforeAll(async () => {
    running = await startService();
    const scopes = ['check', 'hits', 'details'] as const;
    const { key, info } = await running.service.store.keys.createKey({
      tenant: 'desk',
      scopes,
      expiresAt: null,
      name: `Anna ${HOSTILE}`,
    });
    anna = { key, id: info.id };
    for (const reference of ['decided', ...BULK]) await check(reference);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await running?.stop();
  });

  test.each(LOOKS)('the page says whose key it uses: %s, %d pixels', (theme, width) =>
    looking(
      async (page) => {
        const who = `desk, Anna ${HOSTILE} (key ${anna.id.slice(0, 10)}…) · check hits details`;
        expect(await page.locator('#who').textContent()).toBe(who);
        expect(await page.content()).not.toContain(anna.key);
        await isSound(page);
        expect(await page.title()).toBe('Zeef');
      },
      { theme, width },
    ),
  );

  test.each(LOOKS)('the dialog shows the matches, and no value of a list: %s, %d pixels', (theme, width) =>
    looking(
      async (page) => {
        await row(page, 'decided').locator('.reference').click();
        const matches = page.locator('.matches');
        await matches.getByText('sample · entry mate-freshflower', { exact: true }).first().waitFor();
        expect(await matches.textContent()).toMatch(/md5, exact/);
        await page.locator('.case-facts').getByText('not shown: the file is itself listed').waitFor();
        expect((await page.content()).match(/[0-9a-f]{32}/)).toBeNull();
        await isSound(page);
      },
      { theme, width },
    ),
  );

  test('without the scope details the dialog has the list and the type of a match', async () => {
    const made = { tenant: 'desk', scopes: ['hits'], expiresAt: null } as const;
    const { key } = await running.service.store.keys.createKey(made);
    await looking(
      async (page) => {
        await row(page, 'decided').click();
        await page.getByText('Entry, algorithm, distance and category need a key with the scope details.').waitFor();
        expect(await page.locator('.matches').textContent()).not.toContain('freshflower');
      },
      { key },
    );
  });

  test('a decision shows its key in the history of the case', () =>
    looking(async (page) => {
      await row(page, 'decided').getByRole('button', { name: 'Notify' }).click();
      await page.getByRole('button', { name: 'Save' }).click();
      await row(page, 'decided').filter({ hasText: 'notified' }).waitFor();
      await row(page, 'decided').click();
      const line = page.locator('.history li').filter({ hasText: 'notified' });
      expect(await line.textContent()).toContain(`by desk, Anna ${HOSTILE} (key ${anna.id.slice(0, 10)}…)`);
      expect(await page.locator('dialog img').count()).toBe(0);
    }));

  test('by keyboard: Log out forgets the key, the data and the address', () =>
    looking(async (page) => {
      await page.getByLabel('Search').fill('decided');
      await page.waitForURL(/search=decided/);
      // The test's own script would bring the key back. The name of the window stays over the reload.
      await page.addInitScript(() => sessionStorage.removeItem('zeef-key'));
      await page.evaluate(() => {
        const { removeItem } = Storage.prototype;
        Storage.prototype.removeItem = function (key) {
          removeItem.call(this, key);
          window.name = `without ${key}: ${this.length}`;
        };
      });
      await page.getByRole('button', { name: 'Log out' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('#key-dialog[open]').waitFor();
      expect(page.url()).toBe(`${running.url}/dashboard`);
      expect(await page.evaluate(() => window.name)).toBe('without zeef-key: 0');
      expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
      expect(await row(page, 'decided').count()).toBe(0);
      expect(await page.getByLabel('Search').inputValue()).toBe('');
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(await page.getByRole('button', { name: 'Log out' }).isVisible()).toBe(false);
    }));

  const search = async (page: Page, text: string, many: number) => {
    await page.getByLabel('Search').fill(text);
    await expect
      .poll(() => page.locator('tr[data-id] .reference').allTextContents())
      .toSatisfy((seen: string[]) => seen.length === many && seen.every((each) => each.startsWith(text)));
  };
  const markBox = (page: Page, reference: string) => row(page, reference).getByRole('checkbox');
  const closed = (page: Page) => page.locator('#case-dialog:not([open])').waitFor({ state: 'attached' });

  test('by keyboard: x marks rows, a letter decides about them with one note, Escape clears', () =>
    looking(async (page) => {
      await search(page, 'keys/', 2);
      await page.locator('tr[data-id][tabindex="0"]').focus();
      await page.keyboard.press('x');
      await page.locator('#case-marks-count').getByText('1 marked', { exact: true }).waitFor();
      await page.keyboard.press('Escape');
      expect(await page.locator('#case-marks').isVisible()).toBe(false);
      expect(await page.locator('.mark input:checked').count()).toBe(0);
      for (const key of ['x', 'j', 'x', 'n']) await page.keyboard.press(key);
      await page.getByRole('heading', { name: 'Decide about 2 cases' }).waitFor();
      await page.getByLabel('Note').fill('one mail for both');
      await page.getByRole('button', { name: 'Save' }).focus();
      await page.keyboard.press('Enter');
      await closed(page);
      await expect.poll(() => page.locator('#said').textContent()).toBe('2 decided, 0 still marked.');
      for (const reference of ['keys/1', 'keys/2'])
        expect((await hitOf(reference)).history).toMatchObject([{ status: 'notified', note: 'one mail for both' }]);
      expect(await page.locator('#case-marks').isVisible()).toBe(false);
      expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TR');
    }));

  test('by mouse: a case that another person decided is refused with its reason and stays marked; the others are recorded', () =>
    looking(async (page) => {
      await search(page, 'mouse/', 3);
      for (const reference of ['mouse/1', 'mouse/2', 'mouse/3']) await markBox(page, reference).check();
      expect(await page.locator('dialog[open]').count()).toBe(0);
      await page.locator('#case-marks').getByRole('button', { name: 'Notify' }).click();
      const taken = await fetch(`${running.url}/v1/hits/${(await hitOf('mouse/2')).id}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${anna.key}` },
        body: '{"status":"notified","note":"by another"}',
      });
      expect(taken.status).toBe(200);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').filter({ hasText: '2 recorded, 1 refused. 1 case stays marked' }).waitFor();
      const line = page.locator('.bulk li').filter({ hasText: 'mouse/2' });
      expect(await line.textContent()).toContain('refused: Invalid state transition for this hit.');
      await page.keyboard.press('Escape');
      await closed(page);
      await page.locator('#case-marks-count').getByText('1 marked', { exact: true }).waitFor();
      expect(await markBox(page, 'mouse/2').isChecked()).toBe(true);
      expect((await hitOf('mouse/1')).status).toBe('notified');
      expect((await hitOf('mouse/2')).history).toMatchObject([{ note: 'by another' }]);
      expect((await hitOf('mouse/3')).status).toBe('notified');
    }));

  test('decisions that did not reach the service are sent again, each recorded once', () =>
    looking(async (page) => {
      await search(page, 'away/', 2);
      for (const reference of ['away/1', 'away/2']) await markBox(page, reference).check();
      await page.locator('#case-marks').getByRole('button', { name: 'Confirm' }).click();
      let sent = 0;
      await page.route('**/v1/hits/*', async (route) => {
        if (route.request().method() !== 'PATCH' || ++sent !== 2) return route.continue();
        // The second is recorded, and its answer is lost.
        await route.fetch();
        return route.abort();
      });
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').filter({ hasText: 'What is not recorded is kept here' }).waitFor();
      await closed(page);
      expect(sent).toBe(3);
      for (const reference of ['away/1', 'away/2'])
        expect((await hitOf(reference)).history).toMatchObject([{ status: 'confirmed' }]);
    }));

  test('closed before they reached the service, they are said to be lost and stay marked', () =>
    looking(async (page) => {
      await search(page, 'lost/', 2);
      for (const reference of ['lost/1', 'lost/2']) await markBox(page, reference).check();
      await page.locator('#case-marks').getByRole('button', { name: 'Removed' }).click();
      await page.route('**/v1/**', (route) => route.abort());
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').filter({ hasText: 'What is not recorded is kept here' }).waitFor();
      await page.keyboard.press('Escape');
      await page.locator('#case-problem').getByText('was not sent for 2 of 2 cases').waitFor();
      await page.unroute('**/v1/**');
      expect(await page.locator('.mark input:checked').count()).toBe(2);
      expect((await hitOf('lost/1')).status).toBe('open');
    }));

  test('a dialog that is closed and opened again at once is that of its own case, and its decision is recorded', () =>
    looking(async (page) => {
      await search(page, 'again/', 2);
      await row(page, 'again/1').locator('.reference').click();
      // Before the event of the first end arrives.
      await page.evaluate(() => {
        document.querySelector<HTMLDialogElement>('#case-dialog')!.close();
        const cells = [...document.querySelectorAll<HTMLElement>('tr[data-id] .reference')];
        cells.find(({ textContent }) => textContent === 'again/2')!.click();
      });
      await page.waitForTimeout(200);
      expect(await page.locator('#case-dialog-title').textContent()).toBe('again/2');
      expect(new URL(page.url()).hash).toContain((await hitOf('again/2')).id);
      await page.locator('#case-dialog input[value="confirmed"]').check();
      await page.getByRole('button', { name: 'Save' }).click();
      await row(page, 'again/2').getByText('confirmed', { exact: false }).first().waitFor();
      expect((await hitOf('again/2')).status).toBe('confirmed');
      expect((await hitOf('again/1')).status).toBe('open');
      expect(new URL(page.url()).hash).not.toContain('case');
    }));

  test.each(LOOKS)('marks and their dialog: %s, %d pixels; a mark stays while other cases are shown', (theme, width) =>
    looking(
      async (page) => {
        await search(page, 'all/', 2);
        await markBox(page, 'all/1').check();
        await page.getByRole('button', { name: 'Mark all shown' }).click();
        await page.locator('#case-marks-count').getByText('2 marked', { exact: true }).waitFor();
        await isSound(page);
        await search(page, 'keys/', 2);
        await page.getByText('2 marked, 2 of them not shown').waitFor();
        await page.locator('#case-marks').getByRole('button', { name: 'False positive' }).click();
        expect(await page.locator('.bulk span').allTextContents()).toEqual(expect.arrayContaining(['all/1', 'all/2']));
        expect(await page.getByLabel('Suppress it').isVisible()).toBe(false);
        await isSound(page);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Unmark' }).click();
        expect(await page.locator('#case-marks').isVisible()).toBe(false);
        expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TR');
      },
      { theme, width },
    ),
  );

  const EXPORT = 'Export these cases';

  test('by keyboard: the cases of the filters are saved as CSV, all pages of them', () =>
    looking(async (page) => {
      await search(page, 'all/', 2);
      const asked: string[] = [];
      // The service's pages have a thousand cases: the test makes them shorter.
      await page.route('**/v1/hits?*format=csv*', (route) => {
        asked.push(route.request().url());
        return route.continue({ url: route.request().url().replace('limit=1000', 'limit=1') });
      });
      await page.getByRole('button', { name: EXPORT }).focus();
      const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
      expect(download.suggestedFilename()).toMatch(/^zeef-cases-\d{4}-\d\d-\d\d\.csv$/);
      const lines = readFileSync(await download.path(), 'utf8')
        .trim()
        .split('\r\n');
      expect(lines.map((line) => line.split(',')[2]).sort()).toEqual(['all/1', 'all/2', 'reference']);
      expect(asked).toHaveLength(2);
      await page.locator('#case-export-said').getByText('Saved as zeef-cases-').waitFor();
      await isSound(page);
    }));

  test('an export that is cut says so, in its name too; one that fails saves nothing', () =>
    looking(async (page) => {
      await search(page, 'all/', 2);
      let asked = 0;
      await page.route('**/v1/hits?*format=csv*', (route) => {
        asked++;
        return route.fulfill({ body: 'x\r\n', headers: { 'x-next-cursor': '01JZZZZZZZZZZZZZZZZZZZZZ01' } });
      });
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: EXPORT }).click(),
      ]);
      expect([asked, download.suggestedFilename()]).toEqual([50, expect.stringMatching(/-first-50000\.csv$/)]);
      await page.getByText('Saved the first 50,000 cases only: there are more.').waitFor();
      await page.unroute('**/v1/hits?*format=csv*');
      await page.route('**/v1/hits?*format=csv*', (route) => route.abort());
      await page.getByRole('button', { name: EXPORT }).click();
      await page.getByText('Nothing was saved. The service is unreachable.').waitFor();
    }));

  test.each(LOOKS)(
    'a reference leads to the site of its tenant, in a tab of its own: %s, %d pixels',
    async (theme, width) => {
      const { tenants } = running.service.store;
      await tenants.setTenant('desk', { referenceUrl: 'https://admin.example/{reference}' });
      running.service.gates.forget('desk');
      try {
        await looking(
          async (page) => {
            await search(page, 'all/', 2);
            const link = row(page, 'all/1').getByRole('link', { name: 'look up all/1 in a new tab' });
            const facts = { href: 'https://admin.example/all%2F1', target: '_blank', rel: 'noopener noreferrer' };
            const read = (element: Element) =>
              Object.fromEntries(['href', 'target', 'rel'].map((name) => [name, element.getAttribute(name)]));
            expect(await link.evaluate(read)).toEqual(facts);
            await isSound(page);
            // By keyboard: the link opens its address, and not the case.
            await row(page, 'all/1').focus();
            await link.focus();
            const [opened] = await Promise.all([page.context().waitForEvent('page'), page.keyboard.press('Enter')]);
            await opened.close();
            expect(await page.locator('dialog[open]').count()).toBe(0);
            await row(page, 'all/1').locator('.reference').click();
            expect(await page.locator('.case-facts').getByRole('link', { name: 'all/1' }).evaluate(read)).toEqual(
              facts,
            );
            await isSound(page);
          },
          { theme, width },
        );
      } finally {
        await tenants.setTenant('desk', { referenceUrl: null });
      }
    },
  );
});

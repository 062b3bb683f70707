/** `/dashboard` in a real browser, on a whole service. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { axeFinds, hasChromium, launchBrowser, type Visit, visit } from '../support/browser.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const HOSTILE = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
const pictures = readdirSync(PICTURES).filter((name) => name.endsWith('.jpg'));

let running: Running;
let browser: Browser;
/** Values of the planted lists: the sample's hashes, and the SHA-256 of an image that is checked. */
const planted: string[] = [];

interface TestHit {
  readonly id: string;
  readonly reference: string;
  readonly status: string;
  readonly history: readonly { readonly status: string; readonly note: string | null }[];
}

async function check(reference: string, picture: string): Promise<void> {
  const response = await fetch(`${running.url}/v1/check?reference=${encodeURIComponent(reference)}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(readFileSync(join(PICTURES, picture))),
  });
  expect(((await response.json()) as { verdict: string }).verdict).toBe('match');
}

/** Read the hit through the API, not from the page. */
async function hitOf(reference: string): Promise<TestHit> {
  const answer = await fetch(`${running.url}/v1/hits?reference=${encodeURIComponent(reference)}`);
  const { hits } = (await answer.json()) as { hits: TestHit[] };
  expect(hits).toHaveLength(1);
  return hits[0]!;
}

const row = (page: Page, reference: string) =>
  page.locator('tr[data-id]').filter({ has: page.getByText(reference, { exact: true }) });

async function looking<T>(
  options: Parameters<typeof visit>[2],
  run: (page: Page, visit: Visit) => Promise<T>,
): Promise<T> {
  const visited = await visit(browser, running.url, options);
  try {
    return await run(visited.page, visited);
  } finally {
    await visited.close();
  }
}

describe.runIf(hasChromium)('the dashboard in a browser', () => {
  beforeAll(async () => {
    running = await startService();
    const { lists } = running.service.store;
    const picture = readFileSync(join(PICTURES, pictures[0]!));
    const digest = createHash('sha256').update(picture).digest('hex');
    // An entry whose id is its own value, as on some lists, and whose category is markup.
    await lists.createList({ list: 'planted', kind: 'match', radiusBits: 31 });
    await lists.replaceEntries(
      'planted',
      (async function* () {
        yield {
          ok: true as const,
          line: 1,
          entry: {
            entryId: digest,
            algorithm: 'sha256' as const,
            value: digest,
            category: HOSTILE,
            severity: null,
            source: HOSTILE,
            mediaType: null,
            status: 'active' as const,
            updatedAt: null,
            tags: [],
            notes: {},
          },
        };
      })(),
    );
    await running.service.reload();
    planted.push(digest, ...readFileSync('hashlists/sample/sample.csv', 'utf8').match(/[0-9a-f]{32,}/g)!);
    for (const [at, reference] of ['mouse', 'keyboard', 'false alarm', 'refused', 'kept', HOSTILE].entries()) {
      await check(reference, pictures[at % pictures.length]!);
    }
    await check('listed itself', pictures[0]!);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await running?.stop();
  });

  describe.each(['light', 'dark'] as const)('%s', (theme) => {
    test('loads without an error, and requests nothing from other hosts', () =>
      looking({ theme }, async (page, { complaints, strangers }) => {
        for (const heading of [
          'Checks and hits over time',
          'Takedown clock',
          'Cases',
          'Throughput',
          'Latency',
          'Lists',
          'Tenants',
        ]) {
          expect(await page.getByRole('heading', { name: heading, exact: true }).count(), heading).toBe(1);
        }
        expect(await page.locator('.refusal').count()).toBe(0);
        expect(await page.locator('#timeline canvas').count()).toBe(2);
        expect(await page.locator('#tiles .value').allTextContents()).toEqual(
          expect.arrayContaining([String((await running.service.ledger.stats({})).checked)]),
        );
        expect(complaints).toEqual([]);
        expect(strangers).toEqual([]);
      }));

    test('axe finds no violation, on the page and in the dialog', () =>
      looking({ theme }, async (page) => {
        await page.locator('#timeline-table').evaluate((table) => {
          (table.closest('details') as HTMLDetailsElement).open = true;
        });
        expect(await axeFinds(page)).toEqual([]);
        await row(page, 'kept').getByRole('button', { name: 'False positive' }).click();
        expect(await axeFinds(page)).toEqual([]);
      }));
  });

  test('at 390 pixels the page is not wider than its window', () =>
    looking({ width: 390 }, async (page) => {
      const widths = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(await widths()).toEqual([390, 390]);
      await row(page, 'kept').getByRole('button', { name: 'Notify' }).click();
      expect(await widths()).toEqual([390, 390]);
    }));

  test('by mouse: a case is removed with a note, leaves the table, and is in the ledger', () =>
    looking({}, async (page) => {
      await row(page, 'mouse').getByRole('button', { name: 'Removed' }).click();
      await page.getByLabel('Note').fill('taken down by the desk');
      await page.getByRole('button', { name: 'Save' }).click();
      await row(page, 'mouse').waitFor({ state: 'detached' });
      const hit = await hitOf('mouse');
      expect(hit.status).toBe('removed');
      expect(hit.history.at(-1)).toMatchObject({ status: 'removed', note: 'taken down by the desk' });
      expect(await page.locator('#said').textContent()).toBe('mouse: removed.');
      await page.locator('#case-filter').selectOption('removed');
      await row(page, 'mouse').waitFor();
    }));

  test('by keyboard: from the skip link to a case, notified, confirmed, and back on its row', () =>
    looking({}, async (page) => {
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the cases');
      await page.keyboard.press('Enter');
      const focused = () =>
        page.evaluate(() => document.activeElement?.closest<HTMLElement>('tr[data-id]')?.dataset.id ?? null);
      const { id } = await hitOf('keyboard');
      // The filters, then the row in the tab order.
      for (let tab = 0; tab < 7 && (await focused()) === null; tab++) await page.keyboard.press('Tab');
      await page.keyboard.press('Home');
      for (let step = 0; step < 10 && (await focused()) !== id; step++)
        await page.keyboard.press(step % 2 ? 'ArrowDown' : 'j');
      expect(await focused()).toBe(id);
      const pressed = async (...keys: string[]) => {
        for (const key of keys) await page.keyboard.press(key);
      };
      for (const [key, status, note] of [
        ['n', 'notified', 'told by mail'],
        ['c', 'confirmed', null],
      ] as const) {
        await pressed(key);
        await page.locator('#case-dialog[open]').waitFor();
        if (note === null) await pressed('Enter');
        else {
          await pressed('Tab');
          await page.keyboard.type(note);
          await pressed('Tab', 'Tab', 'Enter');
        }
        await page.locator('#case-dialog:not([open])').waitFor({ state: 'attached' });
        expect((await hitOf('keyboard')).history.at(-1)).toMatchObject({ status, note });
        expect(await focused()).toBe(id);
      }
    }));

  test('a false positive adds its suppression', () =>
    looking({}, async (page) => {
      await row(page, 'false alarm').getByRole('button', { name: 'False positive' }).click();
      await page.getByLabel('Suppress it').check();
      await page.getByRole('button', { name: 'Save' }).click();
      await row(page, 'false alarm').waitFor({ state: 'detached' });
      expect((await hitOf('false alarm')).status).toBe('false_positive');
      const { suppressions } = (await (await fetch(`${running.url}/v1/suppressions`)).json()) as {
        suppressions: unknown[];
      };
      expect(suppressions.length).toBeGreaterThan(0);
    }));

  test('the dialog keeps the Tab key inside; Escape closes it without a change and returns the focus', () =>
    looking({}, async (page) => {
      const button = row(page, 'kept').getByRole('button', { name: 'Removed' });
      await button.click();
      for (let tab = 0; tab < 20; tab++) {
        await page.keyboard.press('Tab');
        const place = await page.evaluate(() => {
          const { activeElement } = document;
          return activeElement === document.body || activeElement?.closest('#case-dialog') !== null;
        });
        expect(place).toBe(true);
      }
      await page.keyboard.press('Escape');
      expect(await page.locator('#case-dialog').evaluate((dialog: HTMLDialogElement) => dialog.open)).toBe(false);
      expect(await button.evaluate((element) => element === document.activeElement)).toBe(true);
      expect((await hitOf('kept')).status).toBe('open');
    }));

  test('a step that another client has taken meanwhile is refused with its reason', () =>
    looking({}, async (page) => {
      await row(page, 'refused').getByRole('button', { name: 'Notify' }).click();
      const { id } = await hitOf('refused');
      const decide = {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: '{"status":"notified"}',
      };
      expect((await fetch(`${running.url}/v1/hits/${id}`, decide)).status).toBe(200);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').filter({ hasText: 'Invalid state transition for this hit.' }).waitFor();
    }));

  test('a refresh keeps the focus and the row', () =>
    looking({}, async (page) => {
      const before = await row(page, 'kept').elementHandle();
      await row(page, 'kept').focus();
      await check('newcomer', pictures[1]!);
      await page.evaluate(() => document.dispatchEvent(new CustomEvent('zeef-changed')));
      await row(page, 'newcomer').waitFor();
      expect(await row(page, 'kept').evaluate((element) => element === document.activeElement)).toBe(true);
      expect(await before!.evaluate((element) => element.isConnected)).toBe(true);
    }));

  test('markup in names is shown as text and does not run', () =>
    looking({}, async (page, { complaints }) => {
      await row(page, HOSTILE).click();
      await page.locator('#case-dialog[open]').waitFor();
      expect(await page.locator('#case-dialog-title').textContent()).toBe(HOSTILE);
      await page.getByRole('button', { name: 'In English' }).click();
      await page.locator('.notice').filter({ hasText: HOSTILE }).waitFor();
      expect(await page.locator('main img, dialog img, main script, dialog script').count()).toBe(0);
      expect(await page.title()).toBe('Zeef');
      expect(complaints).toEqual([]);
    }));

  test('a notice in both languages opens from the dialog', () =>
    looking({}, async (page) => {
      await row(page, 'kept').click();
      await page.getByRole('button', { name: 'In English' }).click();
      await page.locator('.notice').filter({ hasText: 'NOTICE OF A MATCH' }).waitFor();
      await page.getByRole('button', { name: 'In het Nederlands' }).click();
      await page.locator('.notice[lang=nl]').filter({ hasText: 'Uw kenmerk' }).waitFor();
    }));

  test('no value of a list is in the page, its dialogs or its notices', () =>
    looking({}, async (page) => {
      const seen = [await page.content()];
      for (const id of await page
        .locator('tr[data-id]')
        .evaluateAll((rows) => rows.map((each) => (each as HTMLElement).dataset.id!))) {
        await page.locator(`tr[data-id="${id}"]`).click();
        for (const name of ['In English', 'In het Nederlands']) {
          await page.getByRole('button', { name }).click();
          await page.locator(`.notice[lang=${name === 'In English' ? 'en' : 'nl'}]`).waitFor();
          seen.push(await page.content());
        }
        await page.keyboard.press('Escape');
      }
      const text = seen.join('\n');
      expect(text).toContain('listed itself');
      expect(planted.length).toBeGreaterThan(10);
      expect(planted.filter((value) => text.includes(value))).toEqual([]);
      // Nor any SHA-256: that of a file is in a notice only where the file is not listed.
      expect(seen[0]!.match(/\b[0-9a-f]{64}\b/g)).toBeNull();
    }));

  test('the theme can be chosen, and is kept', () =>
    looking({ theme: 'light' }, async (page) => {
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      const button = page.locator('#theme-button');
      await button.click();
      expect(await ground()).toBe(light);
      await button.click();
      expect(await ground()).not.toBe(light);
      await page.reload();
      expect(await ground()).not.toBe(light);
    }));

  test('the report of the period is downloaded as a file', () =>
    looking({}, async (page) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'DSA figures' }).click(),
      ]);
      expect(download.suggestedFilename()).toMatch(/^zeef-[\d-]+-dsa\.csv$/);
      expect(readFileSync(await download.path(), 'utf8')).toContain('Error rate of automated means');
    }));

  test('shows the processes that use the store, and marks old lists', async () => {
    const other = await startService();
    const { replicas } = other.service.store;
    const self = { host: HOSTILE, kind: 'serve', codeVersion: '1.2.3-rc.1', generation: 1_000 } as const;
    await replicas.seen({ ...self, id: 'r1' }, Date.now);
    await replicas.seen({ ...self, id: 'r2', host: 'b.test', kind: 'scan', generation: 999 }, Date.now);
    const visited = await visit(browser, other.url);
    try {
      const region = visited.page.getByRole('region', { name: 'Replicas' });
      await region.getByText(HOSTILE).waitFor();
      const cells = (await region.locator('tbody tr').allInnerTexts()).map((text) => text.split(/\s*\t\s*/));
      expect(cells.map((row) => row.filter((_, at) => at !== 4))).toEqual([
        [HOSTILE, 'serve', '1.2.3-rc.1', '1,000', '0 ms'],
        ['b.test', 'scan', '1.2.3-rc.1', '999', '0 ms'],
      ]);
      expect(cells.map((row) => row[4])).toEqual([
        expect.stringMatching(/^\d+ s ago$/),
        expect.stringMatching(/ ago$/),
      ]);
      expect(await region.locator('.warn-text').allInnerTexts()).toEqual(['999']);
      expect(visited.complaints).toEqual([]);
    } finally {
      await visited.close();
      await other.stop();
    }
  });

  test('where nothing was asked, it does not say that everything was checked', async () => {
    const idle = await startService();
    const visited = await visit(browser, idle.url);
    try {
      const region = visited.page.getByRole('region', { name: 'Not checked, by reason' });
      await region.getByText('Nothing was checked in this period.').waitFor();
    } finally {
      await visited.close();
      await idle.stop();
    }
  });

  test('with keys: the page asks for one, explains a refusal, and names the scope of each panel', async () => {
    const keyed = await startService();
    const make = async (scopes: readonly ('check' | 'hits' | 'lists')[]) =>
      (await keyed.service.store.keys.createKey({ tenant: 'desk', scopes, expiresAt: null })).key;
    const key = await make(['hits']);
    const visited = await visit(browser, keyed.url);
    try {
      const { page } = visited;
      await page.locator('#key-dialog[open]').waitFor();
      expect(visited.complaints).toEqual([]);
      await page.getByLabel('Key', { exact: true }).fill('zeef_wrong');
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByText('The key is unknown, revoked or expired.').waitFor();
      await page.getByLabel('Key', { exact: true }).fill(key);
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByText('No open cases.').waitFor();
      for (const [panel, scope] of [
        ['Lists', 'lists'],
        ['Throughput', 'admin'],
        ['Replicas', 'admin'],
        ['Checks and hits over time', 'check'],
      ]) {
        const region = page.getByRole('region', { name: panel! });
        await region.getByText(`The key does not have the scope ${scope}.`).waitFor();
        const needed = scope === 'admin' ? 'admin' : `${scope}, or with admin`;
        await region.getByText(`This panel needs a key with ${needed}.`, { exact: true }).waitFor();
      }
      // The ring of the focused field is clear of its label.
      await page.getByRole('button', { name: 'Key…' }).click();
      const label = await page.locator('label[for="key"]').boundingBox();
      const field = await page.locator('#key').boundingBox();
      expect(field!.y - (label!.y + label!.height)).toBeGreaterThanOrEqual(4);
      expect(await page.evaluate(() => [localStorage.getItem('zeef-key'), document.cookie])).toEqual([null, '']);
    } finally {
      await visited.close();
      await keyed.stop();
    }
  });
});

/** The desk in a browser: cases by urgency, found, shared by their address, and decided while the service is away. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import type { Sighting } from '../../src/store/ledger-contract.js';
import { axeFinds, hasChromium, launchBrowser, type Visit, visit } from '../support/browser.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const MINUTE_MS = 60_000;

interface TestHit {
  readonly id: string;
  readonly digests: { readonly sha256?: string };
  readonly status: string;
  readonly disputed: boolean;
  readonly assignee: string | null;
  readonly clock: { readonly startedAt: string; readonly foundAt: string };
  readonly history: readonly { readonly status: string; readonly note: string | null }[];
}

let running: Running;
let browser: Browser;

/** Record cases whose clocks started so many minutes ago, each with the evidence of a hit that the service recorded. */
async function addCases(dataDir: string): Promise<void> {
  await fetch(`${running.url}/v1/check?reference=pattern`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(readFileSync(`${PICTURES}/mate-freshflower.jpg`)),
  });
  const store = openSqliteLedger(dataDir);
  await store.open();
  const [pattern] = await store.hits({ tenant: null, limit: 1 });
  const sighting = (n: number, reference: string, minutes: number, over: Partial<Sighting> = {}): Sighting => ({
    tenant: pattern!.tenant,
    key: n.toString(16).padStart(64, '0'),
    hitId: `01JZZZZZZZZZZZZZZZZZZZZZ${String(n).padStart(2, '0')}`,
    atMs: Date.now() - minutes * MINUTE_MS,
    reference,
    kind: 'image',
    marks: {},
    quarantined: false,
    list: 'sample',
    category: 'A1',
    evidence: pattern!.evidence,
    ...over,
  });
  const sightings = [
    sighting(1, 'desk/in an hour', 23 * 60),
    sighting(2, 'desk/in ten minutes', 50),
    sighting(3, 'desk/late', 30 * 60),
    sighting(4, 'desk/in two hours', 10 * 60, { list: 'police', category: 'B2' }),
    sighting(5, 'other/hash', 20, { kind: 'hash' }),
    sighting(6, 'away/sent', 40),
    sighting(7, 'away/lost', 41),
    sighting(8, 'away/recorded', 42),
    sighting(9, 'state/open', 43),
    sighting(10, 'state/notified', 44),
    sighting(11, 'maybe/a part of it', 45, { isPossible: true }),
  ];
  const entry = { tenant: pattern!.tenant, idempotency: null, tallies: [], sightings };
  await store.append({ atMs: Date.now(), entries: [entry] });
  await store.close();
  const { id } = await hitOf('state/notified');
  const decision = { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"status":"notified"}' };
  expect((await fetch(`${running.url}/v1/hits/${id}`, decision)).status).toBe(200);
}

const references = (page: Page) => page.locator('tr[data-id] .reference').allTextContents();
const row = (page: Page, reference: string) =>
  page.locator('tr[data-id]').filter({ has: page.getByText(reference, { exact: true }) });
async function hitOf(reference: string): Promise<TestHit> {
  const answer = await fetch(`${running.url}/v1/hits?reference=${encodeURIComponent(reference)}`);
  return ((await answer.json()) as { hits: TestHit[] }).hits[0]!;
}

/** Show only these, and wait for them. */
async function search(page: Page, text: string, first: string): Promise<void> {
  await page.getByLabel('Search').fill(text);
  await row(page, first).waitFor();
  await page.locator('tr[data-id] .reference').filter({ hasNotText: text }).first().waitFor({ state: 'detached' });
}

async function looking(run: (page: Page, visited: Visit) => Promise<void>, address = ''): Promise<void> {
  const visited = await visit(browser, running.url, { address });
  try {
    await run(visited.page, visited);
  } finally {
    await visited.close();
  }
}

describe.runIf(hasChromium)('the cases in a browser', () => {
  beforeAll(async () => {
    const dataDir = tempFolder('cases');
    running = await startService({ dataDir });
    await addCases(dataDir);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await running?.stop();
  });

  test('what is due next comes first, not what is due last; late ones lead', () =>
    looking(async (page) => {
      await search(page, 'desk/', 'desk/late');
      await expect
        .poll(() => references(page))
        .toEqual(['desk/late', 'desk/in ten minutes', 'desk/in an hour', 'desk/in two hours']);
    }));

  test('a notice of a late case leaves it overdue, and shows the time since it was found', () =>
    looking(async (page) => {
      const overdue = () => page.locator('#tiles > div').filter({ hasText: 'Overdue' }).locator('.value').textContent();
      await expect.poll(overdue).toBe('1');
      await row(page, 'desk/late').getByRole('button', { name: 'Notify' }).click();
      await page.getByRole('button', { name: 'Save' }).click();
      await page.locator('#case-dialog:not([open])').waitFor({ state: 'attached' });
      await page.locator('#case-filter').selectOption('overdue');
      await row(page, 'desk/late').filter({ hasText: 'notified' }).waitFor();
      await expect.poll(overdue).toBe('1');
      await row(page, 'desk/late').click();
      await page
        .locator('.case-facts')
        .filter({ hasText: '6 h' })
        .filter({ hasText: '1 d 6 h since it was found' })
        .waitFor();
    }));

  test('a digest finds the cases of its file in any state; it is in no address', () =>
    looking(async (page) => {
      const { sha256 } = (await hitOf('pattern')).digests;
      const addresses: string[] = [];
      page.on('request', (request) => addresses.push(request.url()));
      await page.locator('#case-filter').selectOption('removed');
      await page.getByLabel('Search').fill(sha256!.toUpperCase());
      await expect.poll(() => references(page)).toEqual(['pattern']);
      expect(addresses.filter((address) => address.includes('/hits/search'))).toHaveLength(1);
      await page.getByLabel('Search').fill(sha256!.replace(/^./, (digit) => (digit === '0' ? '1' : '0')));
      await page.getByText('No case of a file with this digest.').waitFor();
      expect([...addresses, page.url()].join().toLowerCase()).not.toContain(sha256!.slice(1));
    }));

  test('a case is assigned and disputed by its dialog, seen in its row and history, and found by both', () =>
    looking(async (page) => {
      const one = row(page, 'desk/in an hour');
      await search(page, 'desk/', 'desk/in an hour');
      await one.click();
      const dialog = page.locator('#case-dialog');
      await dialog.getByLabel('Assigned to').fill('ann');
      await dialog.getByLabel('Assigned to').press('Enter');
      await dialog.getByText('Assigned to ann.').waitFor();
      await dialog.getByLabel('Reason, if one is needed').fill('the customer objects');
      await dialog.getByRole('button', { name: 'Dispute' }).click();
      await dialog.getByText('Disputed, until the next decision.').waitFor();
      await expect
        .poll(() => dialog.locator('.history li').allTextContents())
        .toEqual([
          expect.stringMatching(/^assigned to ann, .* by local/),
          expect.stringMatching(/^disputed, .*the customer objects$/),
        ]);
      await dialog.getByRole('button', { name: 'Close' }).click();
      await one.filter({ hasText: 'disputed' }).filter({ hasText: 'ann' }).waitFor();

      await page.getByLabel('Search').fill('');
      await page.locator('#case-filter').selectOption('disputed');
      await expect.poll(() => references(page)).toEqual(['desk/in an hour']);
      await page.locator('#case-filter').selectOption('open');
      await page.locator('#case-assigned').fill('ann');
      await expect.poll(() => references(page)).toEqual(['desk/in an hour']);
      await page.locator('#case-assigned').fill('bob');
      await page.getByText('No case is like this.').waitFor();
      await page.locator('#case-assigned').fill('ann');
      await one.getByRole('button', { name: 'Confirm' }).click();
      await dialog.getByRole('button', { name: 'End the dispute' }).waitFor();
      await dialog.getByRole('button', { name: 'Save' }).click();
      await expect
        .poll(() => hitOf('desk/in an hour'))
        .toMatchObject({ status: 'confirmed', disputed: false, assignee: 'ann' });
      await one.filter({ hasNotText: 'disputed' }).waitFor();
    }));

  test('what is possible is among no open cases, says what it is, and is a case by a decision', () =>
    looking(async (page) => {
      await search(page, 'state/', 'state/open');
      await page.getByLabel('Search').fill('maybe/');
      await page.getByText('No case is like this.').waitFor();
      await page.getByLabel('Show').selectOption('possible');
      const one = row(page, 'maybe/a part of it');
      await one.filter({ hasText: 'not started' }).waitFor();
      expect(await one.getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true);
      await one.click();
      const dialog = page.locator('#case-dialog');
      await dialog.getByRole('heading', { name: 'Possible' }).waitFor();
      await dialog.getByText('No match: a part of the image may be an edited copy of what is listed.').waitFor();
      expect(await axeFinds(page)).toEqual([]);
      await dialog.getByRole('button', { name: 'In English' }).click();
      await dialog.getByText('Invalid state transition for this hit.').waitFor();
      await dialog.getByRole('radio', { name: 'Confirm' }).check();
      await dialog.getByRole('button', { name: 'Save' }).click();
      await expect.poll(() => hitOf('maybe/a part of it')).toMatchObject({ status: 'confirmed' });
      await page.getByLabel('Show').selectOption('open');
      await one.filter({ hasText: 'confirmed' }).waitFor();
    }));

  test('filters by list, category, kind and state narrow the table, together', () =>
    looking(async (page) => {
      const only = async (...wanted: string[]) => {
        await page.locator('#case-list').filter({ hasText: wanted[0]! }).waitFor();
        await expect.poll(async () => (await references(page)).sort()).toEqual([...wanted].sort());
      };
      await page.getByLabel('Kind').selectOption('hash');
      await only('other/hash');
      await page.getByLabel('Kind').selectOption('');
      await page.getByLabel('List', { exact: true }).fill('police');
      await only('desk/in two hours');
      await page.getByLabel('Category', { exact: true }).fill('A1');
      await page.getByText('No case is like this.').waitFor();
      await page.getByRole('button', { name: 'Clear' }).click();
      await page.getByLabel('Search').fill('state/');
      await only('state/notified', 'state/open');
      await page.getByLabel('Show').selectOption('notified');
      await only('state/notified');
      const { id } = await hitOf('desk/in an hour');
      // A case is found in any state.
      await page.getByLabel('Search').fill(id.toLowerCase());
      await only('desk/in an hour');
    }));

  test('a filter and a case are in the address: reloaded and shared', () =>
    looking(async (page) => {
      await search(page, 'other/', 'other/hash');
      await page.getByLabel('Kind').selectOption('hash');
      await page.waitForURL(/kind=hash/);
      await page.reload();
      await row(page, 'other/hash').waitFor();
      await expect.poll(() => references(page)).toEqual(['other/hash']);
      expect(await page.getByLabel('Search').inputValue()).toBe('other/');
      await row(page, 'other/hash').click();
      await page.waitForURL(/case=01JZ/);
      const address = page.url();
      await page.locator('#case-dialog[open]').waitFor();
      await page.keyboard.press('Escape');
      await page.waitForURL((url) => !url.href.includes('case='));
      await looking(
        async (other) => {
          await other.locator('#case-dialog[open] h2').filter({ hasText: 'other/hash' }).waitFor();
        },
        address.slice(address.indexOf('#')),
      );
      await looking(async (other) => {
        await other.getByText('The case 01JZZZZZZZZZZZZZZZZZZZZZ99 cannot be shown.').waitFor();
      }, '#case=01JZZZZZZZZZZZZZZZZZZZZZ99');
    }));

  test('a custom period that is empty or reversed says so at once, and its report is not asked for', () =>
    looking(async (page) => {
      const says = (text: string) => page.locator('#period-problem').getByText(text, { exact: true }).waitFor();
      await page.locator('input[value=custom]').check({ force: true });
      await says('Choose the first day.');
      await page.locator('input[name=from]').fill('2026-02-10');
      await says('Choose the last day.');
      await page.locator('input[name=to]').fill('2026-02-09');
      await says('The last day is before the first.');
      await page.getByRole('button', { name: 'CSV' }).first().click();
      await page.locator('#report-problem').getByText('Choose a period at the top.').waitFor();
      await page.locator('input[name=to]').fill('2026-02-10');
      await expect.poll(() => page.locator('#period-problem').textContent()).toBe('');
    }));

  test('a decision made while the service is away is kept and sent again, with its note', () =>
    looking(async (page) => {
      await row(page, 'away/sent').getByRole('button', { name: 'Confirm' }).click();
      await page.getByLabel('Note').fill('seen by two');
      await page.route('**/v1/**', (route) => route.abort());
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').filter({ hasText: 'The decision is kept here' }).waitFor();
      await page.unroute('**/v1/**');
      await page.locator('#case-dialog:not([open])').waitFor({ state: 'attached' });
      expect((await hitOf('away/sent')).history).toMatchObject([{ status: 'confirmed', note: 'seen by two' }]);
    }));

  test('a decision whose answer was lost is recorded once, and no refusal', () =>
    looking(async (page) => {
      await row(page, 'away/recorded').getByRole('button', { name: 'Notify' }).click();
      let lost = 0;
      await page.route('**/v1/hits/*', async (route) => {
        if (route.request().method() !== 'PATCH' || lost++ > 0) return route.continue();
        await route.fetch();
        await route.abort();
      });
      await page.getByRole('button', { name: 'Save' }).click();
      await page.locator('#case-dialog:not([open])').waitFor({ state: 'attached' });
      expect(lost).toBe(2);
      expect((await hitOf('away/recorded')).history).toMatchObject([{ status: 'notified' }]);
    }));

  test('a decision that is given up is said to be lost, and the banner is seen at the cases and in the dialog', () =>
    looking(async (page) => {
      await row(page, 'away/lost').getByRole('button', { name: 'Confirm' }).click();
      await page.route('**/*', (route) => route.abort());
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').filter({ hasText: 'The decision is kept here' }).waitFor();
      await page.locator('#case-dialog .trouble').filter({ hasText: 'unreachable' }).waitFor({ timeout: 15_000 });
      await page.keyboard.press('Escape');
      await page.locator('#case-problem').getByText('was not sent, and is lost.').waitFor();
      await page
        .locator('#case-more')
        .evaluate((button) => button.closest('section')!.scrollIntoView({ block: 'end' }));
      const banner = (await page.locator('#trouble').boundingBox())!;
      expect(banner.y).toBeGreaterThanOrEqual(0);
      expect(banner.y).toBeLessThan(100);
      await page.unroute('**/*');
      expect((await hitOf('away/lost')).status).toBe('open');
    }));

  test.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)(
    'axe finds nothing in the filters and messages: %s, %d pixels, and it is not too wide',
    async (theme, width) => {
      const visited = await visit(browser, running.url, {
        theme,
        width,
        address: '#search=desk%2F&state=all&case=none',
      });
      try {
        const { page } = visited;
        await page.locator('#case-problem').getByText('cannot be shown').waitFor();
        await page.locator('input[value=custom]').check({ force: true });
        await page.locator('#period-problem').getByText('Choose the first day.').waitFor();
        await page
          .locator('.trouble')
          .first()
          .evaluate((line: HTMLElement) => {
            line.hidden = false;
            line.textContent = 'The service is unreachable.';
          });
        expect(await axeFinds(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      } finally {
        await visited.close();
      }
    },
  );

  test('by keyboard: from the skip link through every filter to the cases, in order', () =>
    looking(async (page) => {
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      const stops: (string | null)[] = [];
      for (let tab = 0; tab < 7; tab++) {
        await page.keyboard.press('Tab');
        stops.push(
          await page.evaluate(() => document.activeElement?.getAttribute('name') ?? document.activeElement!.tagName),
        );
      }
      expect(stops).toEqual(['search', 'list', 'category', 'assignee', 'kind', 'state', 'TR']);
      await page.getByLabel('Search').focus();
      await page.keyboard.type('desk/in ten');
      await page.keyboard.press('Enter');
      await expect.poll(() => references(page)).toEqual(['desk/in ten minutes']);
      // Letters in a field are no actions.
      expect(await page.locator('dialog[open]').count()).toBe(0);
    }));

  test('a decision is undone by keyboard, with a note, and the clock runs from the finding', () =>
    looking(async (page) => {
      await row(page, 'state/notified').focus();
      await page.keyboard.press('u');
      await page.locator('#case-dialog[open]').waitFor();
      await page.getByLabel('Note').fill('not sent');
      await page.getByRole('button', { name: 'Save' }).click();
      await row(page, 'state/notified').filter({ hasText: 'open' }).waitFor();
      const { status, history, clock } = await hitOf('state/notified');
      expect([status, history.at(-1)]).toMatchObject(['open', { status: 'open', note: 'not sent' }]);
      expect(clock.startedAt).toBe(clock.foundAt);
      expect(await row(page, 'state/notified').getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true);
    }));

  test('a notice is copied; without a clipboard its text is selected', () =>
    looking(async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await row(page, 'state/open').click();
      expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0);
      await page.getByRole('button', { name: 'In English' }).click();
      await page.locator('.notice').filter({ hasText: 'state/open' }).waitFor();
      await page.getByRole('button', { name: 'Copy' }).click();
      await page.getByText('Copied.').waitFor();
      const text = await page.locator('.notice').textContent();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text);
      await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
      await page.getByRole('button', { name: 'Copy' }).click();
      await page.getByText('Selected: copy it with Ctrl+C.').waitFor();
      expect((await page.evaluate(() => String(getSelection()))).trim()).toBe(text!.trim());
      expect(await axeFinds(page)).toEqual([]);
    }));
});

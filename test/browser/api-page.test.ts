/** `/docs/` in a real browser: an image from the disk is checked by it, and it loads nothing from elsewhere. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PACKAGE_VERSION } from '../../src/core/package-root.js';
import { hasChromium, launchBrowser } from '../support/browser.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const picture = join(PICTURES, 'mate-freshflower.jpg');

let running: Running;
let browser: Browser;
let page: Page;
/** Errors and warnings of the console, uncaught errors, refusals of the page's policy. */
const complaints: string[] = [];
/** Addresses outside the service. */
const strangers: string[] = [];

describe.runIf(hasChromium)('the page of the API', () => {
  beforeAll(async () => {
    running = await startService();
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    await page.route('**', (route) => {
      const address = route.request().url();
      if (/^(data|blob):/.test(address) || address.startsWith(`${running.url}/`)) return route.continue();
      strangers.push(address);
      return route.abort();
    });
    page.on('console', (message) => {
      // The library looks for a field of its own for files of a list, and then takes the usual one.
      if (message.text() === 'Could not find component: JsonSchema_string_binary') return;
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${running.url}/docs/`);
    await page.waitForSelector('.opblock');
  });
  afterAll(async () => {
    await browser?.close();
    await running?.stop();
  });

  /** Open an operation, choose the type of its body, and return it ready to be filled in. */
  async function opened(id: string, type: string) {
    const block = page.locator(`[id$="-${id}"].opblock`);
    if (!(await block.getAttribute('class'))!.includes('is-open')) {
      await block.locator('.opblock-summary-control').click();
      await block.getByRole('button', { name: 'Try it out' }).click();
    }
    await block.locator('.opblock-section-request-body select').first().selectOption(type);
    return block;
  }

  /** Send the request, and return its answer as the page shows it. */
  async function executed(block: ReturnType<Page['locator']>) {
    const answered = page.waitForResponse((one) => one.request().method() !== 'GET');
    await block.getByRole('button', { name: 'Execute' }).click();
    const status = (await answered).status();
    const shown = block.locator('.live-responses-table .response').first();
    await shown.waitFor();
    return { status, text: (await shown.textContent()) ?? '' };
  }

  test('has our name, version, mark and groups', async () => {
    expect(await page.title()).toBe(`Zeef API ${PACKAGE_VERSION}`);
    expect(await page.locator('.topbar img').getAttribute('alt')).toBe('Zeef API');
    const icons = await page
      .locator('link[rel=icon]')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(icons).toEqual([expect.stringMatching(/zeef\.svg$/)]);
    expect((await page.request.get(`${running.url}/docs/static/theme/zeef.svg`)).headers()['content-type']).toMatch(
      /svg/,
    );
    const groups = await page
      .locator('.opblock-tag')
      .evaluateAll((tags) => tags.map((tag) => tag.getAttribute('data-tag')));
    expect(groups.slice(0, 3)).toEqual(['Checking', 'Cases', 'Reports']);
  });

  test.each(['application/octet-stream', 'image/jpeg'])(
    'an image is chosen from the disk and checked as %s',
    async (type) => {
      const block = await opened('checkImage', type);
      await block.locator('input[type=file]').setInputFiles(picture);
      const { status, text } = await executed(block);
      expect(status).toBe(200);
      expect(text).toMatch(/"verdict": "match"/);
    },
  );

  test('two files are checked as multipart/form-data', async () => {
    const block = await opened('checkImage', 'multipart/form-data');
    for (const at of [0, 1]) {
      await block.getByRole('button', { name: /^Add/ }).click();
      await block.locator('input[type=file]').nth(at).setInputFiles(picture);
    }
    const { status, text } = await executed(block);
    expect(status).toBe(200);
    expect(text.match(/"verdict": "match"/g)).toHaveLength(2);
  });

  test('an example of hashes is sent as it is, as JSON and as lines', async () => {
    for (const type of ['application/json', 'application/x-ndjson']) {
      const block = await opened('checkHashes', type);
      const { status, text } = await executed(block);
      expect([type, status]).toEqual([type, 200]);
      expect(text).toMatch(/"verdict": ?"match"/);
    }
  });

  test('nothing was refused by its policy, and nothing came from elsewhere', () => {
    expect(complaints).toEqual([]);
    expect(strangers).toEqual([]);
  });
});

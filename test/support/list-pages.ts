/** Pages of lists on the dashboard, in a browser: a service with lists, and what a test looks at. */
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { pdqLike } from '../../bench/pdq-like.js';
import { shippedCanaries } from '../../src/lists/import/canaries.js';
import { axeFinds, launchBrowser, type Visit, type VisitOptions, visit } from './browser.js';
import { type Running, startService } from './running.js';

export const HOSTILE = `<img src=x onerror="document.title='owned'">`;

let running: Running;
let browser: Browser;

/** Start a service and a browser for the tests of one file. */
export async function startLists(): Promise<Running> {
  running = await startService();
  browser = await launchBrowser();
  return running;
}

export async function stopLists(): Promise<void> {
  await browser?.close();
  await running?.stop();
}

const bytes = pdqLike(400, 21);
/** PDQ hashes that lists of the tests have: none may be in the page. */
export const planted = Array.from({ length: 400 }, (_, at) =>
  Buffer.from(bytes.subarray(at * 32, at * 32 + 32)).toString('hex'),
);
export const csv = (values: readonly string[], id = (at: number) => `e${at}`) =>
  `entryId,algorithm,value,category\n${values.map((value, at) => `${id(at)},pdq,${value},A1\n`).join('')}`;

export async function ask<T>(method: string, path: string, body?: string, type = 'text/csv'): Promise<T> {
  const sent = body === undefined ? {} : { body, headers: { 'content-type': type } };
  const response = await fetch(`${running.url}/v1${path}`, { method, ...sent });
  expect(response.status, `${method} ${path}`).toBeLessThan(300);
  return response.status === 204 ? (null as T) : ((await response.json()) as T);
}
interface TestList {
  readonly list: string;
  readonly enabled: boolean;
  readonly entryCount: number;
  readonly version: number;
  readonly heldVersion: number | null;
}
export const listOf = async (name: string) =>
  (await ask<{ lists: TestList[] }>('GET', '/lists')).lists.find(({ list }) => list === name)!;
export const importCsv = (list: string, text: string, mode = 'replace') =>
  ask<{ state: string }>('POST', `/lists/${encodeURIComponent(list)}/entries?format=csv&mode=${mode}`, text);
export async function looking(
  run: (page: Page, visited: Visit) => Promise<void>,
  options: VisitOptions = {},
): Promise<void> {
  const visited = await visit(browser, running.url, options);
  try {
    await run(visited.page, visited);
    expect(visited.strangers).toEqual([]);
  } finally {
    await visited.close();
  }
}

export const addressOf = (list: string) => ({ address: `#${new URLSearchParams({ opened: list })}` });
export const dialog = (page: Page) => page.locator('#list-dialog[open]');
export const part = (page: Page, name: string) => dialog(page).getByRole('region', { name, exact: true });
export const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? '');

/** Axe is content, and neither the page nor the dialog is wider than the window. */
export async function expectFits(page: Page, width: number): Promise<void> {
  expect(await axeFinds(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  const dialogs = await page
    .locator('dialog[open]')
    .evaluateAll((all) => all.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
  expect(dialogs.length).toBeGreaterThan(0);
  expect(dialogs.every((over) => over <= 0)).toBe(true);
}

/** A canary that ships, in hex. */
export const CANARY = Buffer.from(shippedCanaries()[5]!).toString('hex');

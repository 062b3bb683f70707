/**
 * A real browser: Debian's Chromium, driven over its own protocol. It connects to the service under test only: every
 * request of a page is checked, and one to another host is aborted and recorded. Tests announce when it is absent.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { orLeftOut } from './left-out.js';

const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

export const hasChromium = orLeftOut(chromiumPath !== undefined, 'Chromium is not installed', 'tests in a browser');

/** Older ones draw other BMPs, and no JPEG XL. */
const RECENT = 156;
const version = chromiumPath === undefined ? '' : spawnSync(chromiumPath, ['--version'], { encoding: 'utf8' }).stdout;
export const hasRecentChromium = orLeftOut(
  Number(/(\d+)\./.exec(version)?.[1]) >= RECENT,
  `No Chromium ${RECENT} or newer`,
  'comparisons with formats that it came to draw',
);

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath!,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught errors, refusals of the page's policy. */
  readonly complaints: string[];
  /** Addresses outside the service. */
  readonly strangers: string[];
  close(): Promise<void>;
}

export interface VisitOptions {
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly key?: string;
  /** The page's clock stands still at this time. */
  readonly nowMs?: number;
  /** The fragment, with `#`. */
  readonly address?: string;
}

/** Load the page with all its panels, in a profile of its own. */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { theme = 'light', width = 1280, key, nowMs, address = '' } = options;
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: { width, height: 900 },
    reducedMotion: 'reduce',
  });
  const complaints: string[] = [];
  const strangers: string[] = [];
  await context.route('**', (route) => {
    const address = route.request().url();
    if (address.startsWith(`${url}/`) || address.startsWith('data:')) return route.continue();
    strangers.push(address);
    return route.abort();
  });
  if (key !== undefined) await context.addInitScript((given) => sessionStorage.setItem('zeef-key', given), key);
  const page = await context.newPage();
  if (nowMs !== undefined) await page.clock.setFixedTime(nowMs);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`${url}/dashboard${address}`);
  await page.waitForSelector('html[data-loaded="yes"]');
  return { page, complaints, strangers, close: () => context.close() };
}

const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');

/** Return what axe finds wrong with the page as it is, each with its elements. */
export async function axeFinds(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

/** What a browser draws of a file: R G B and alpha. */
interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
}

/** Draw each file; null if the browser does not show it. */
export async function drawnBy(
  browser: Browser,
  files: readonly Buffer[],
  type: string,
): Promise<readonly (Drawn | null)[]> {
  const page = await browser.newPage();
  const urls = files.map((file) => `data:${type};base64,${file.toString('base64')}`);
  const drawn = await page.evaluate(async (addresses) => {
    const drawOne = async (address: string) => {
      const image = new Image();
      image.src = address;
      await image.decode();
      const canvas = document.createElement('canvas');
      const [width, height] = [image.naturalWidth, image.naturalHeight];
      [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext('2d')!;
      context.drawImage(image, 0, 0);
      return { width, height, data: [...context.getImageData(0, 0, width, height).data] };
    };
    return Promise.all(addresses.map((address) => drawOne(address).catch(() => null)));
  }, urls);
  await page.close();
  return drawn;
}

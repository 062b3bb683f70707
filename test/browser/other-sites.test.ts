/** A real browser with a page of another site: its forms and scripts reach a service without keys, and change nothing. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, launchBrowser } from '../support/browser.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
let browser: Browser;
let site: Server;
let siteUrl: string;

/** A page that posts a list as text, as soon as it is displayed. */
const page = (action: string) =>
  `<form method=post enctype="text/plain" action="${action}"><input name="a" value="b"></form><script>document.forms[0].submit()</script>`;

describe.runIf(hasChromium)('a page of another site', () => {
  beforeAll(async () => {
    running = await startService();
    site = createServer((request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(
        request.url === '/form' ? page(`${running.url}/v1/lists/good/entries?format=plain&kind=suppression`) : '',
      );
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
    await running?.stop();
  });

  test('posts a form: refused, and no list is made', async () => {
    const tab = await browser.newPage();
    const [response] = await Promise.all([
      tab.waitForResponse((one) => one.url().startsWith(running.url)),
      tab.goto(`${siteUrl}/form`).catch(() => {}),
    ]);
    expect(response.status()).toBe(403);
    expect((await running.service.lists()).map(({ list }) => list)).toEqual(['sample']);
    await tab.close();
  });

  test('requests by script, and in a frame: nothing is read, changed or displayed', async () => {
    const tab = await browser.newPage();
    await tab.goto(siteUrl);
    const read = await tab.evaluate(async (url) => {
      const attempt = (path: string, init: RequestInit) =>
        fetch(url + path, init).then(
          async (response) => response.text(),
          () => null,
        );
      return [
        await attempt('/v1/hits', {}),
        await attempt('/v1/hits', { mode: 'no-cors' }),
        await attempt('/v1/lists/sample/reject', { method: 'POST', mode: 'no-cors' }),
        await attempt('/v1/keys', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }),
      ];
    }, running.url);
    expect(read.filter((text) => text !== null && text !== '')).toEqual([]);
    // The browser hides the statuses from the page; the service counted its refusals.
    const { body } = await running.service.renderMetrics();
    expect(body).toMatch(/^zeef_http_requests_total\{route="\/v1\/hits",method="GET",status="403"\} 2$/m);
    expect(body).toMatch(
      /^zeef_http_requests_total\{route="\/v1\/lists\/:list\/reject",method="POST",status="403"\} 1$/m,
    );
    expect(await running.service.store.keys.keys(null)).toEqual([]);
    const framed = await tab.evaluate(async (url) => {
      const frame = document.createElement('iframe');
      frame.src = `${url}/dashboard`;
      document.body.append(frame);
      await new Promise((resolve) => frame.addEventListener('load', resolve));
      return frame.contentDocument?.title ?? null;
    }, running.url);
    expect(framed).toBeNull();
    const frame = tab.frames().find((one) => one !== tab.mainFrame())!;
    expect(await frame.locator('main').count()).toBe(0);
    await tab.close();
  });

  test('under a name that was pointed at this machine: refused', async () => {
    const rebound = await browser.newContext();
    const { port } = new URL(running.url);
    // A name of this machine that is not `localhost`: to the service, what a rebound name is.
    const tab = await rebound.newPage();
    const response = await tab.goto(`http://evil.localhost:${port}/v1/hits`);
    expect(response!.status()).toBe(421);
    expect(await response!.json()).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
    await rebound.close();
  });

  test('/docs/ works under its policy', async () => {
    const tab = await browser.newPage();
    const complaints: string[] = [];
    tab.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(String(error)));
    await tab.goto(`${running.url}/docs/`);
    await tab.getByText('/v1/check/hashes', { exact: true }).first().waitFor();
    expect(complaints).toEqual([]);
    await tab.close();
  });
});

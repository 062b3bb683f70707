/** BMP, ICO and CUR as Chromium draws them: the decoder must see what a person sees. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BMP_VARIANTS, ICON_VARIANTS } from '../support/bmp-variants.js';
import { drawnBy, hasRecentChromium, launchBrowser } from '../support/browser.js';

describe.runIf(hasRecentChromium)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test.each([
    ['BMP', BMP_VARIANTS, 'image/bmp'],
    ['ICO and CUR', ICON_VARIANTS, 'image/x-icon'],
  ] as const)('%s: the pixels that the variants of the tests are meant to show', async (_name, variants, type) => {
    const drawn = await drawnBy(
      browser,
      variants.map(({ file }) => file),
      type,
    );
    const differing = variants.flatMap(({ name, shown, notInChromium = false }, at) => {
      const pixels = drawn[at]?.data;
      if (!pixels) return notInChromium ? [] : [`${name}: not shown`];
      // Chromium draws black where run-length encoding draws nothing.
      const expected = shown.flat().map((pixel) => (name.startsWith('RLE') && pixel[3] === 0 ? [0, 0, 0, 255] : pixel));
      // The canvas keeps colours multiplied by their alpha: they are the less exact the more transparent they are.
      const isNear = (wanted: number, seen: number, alpha: number) => Math.abs(wanted - seen) * alpha <= 255;
      const isSame = expected.every(([red, green, blue, alpha], pixel) => {
        const [r, g, b, a] = pixels.slice(pixel * 4, pixel * 4 + 4);
        return a === alpha && isNear(red, r!, alpha) && isNear(green, g!, alpha) && isNear(blue, b!, alpha);
      });
      return isSame !== notInChromium && pixels.length === expected.length * 4
        ? []
        : [`${name}: ${isSame ? 'shown' : 'differs'}`];
    });
    expect(differing).toEqual([]);
  });
});

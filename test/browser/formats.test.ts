/** Files of every layout as Chromium shows them, against what is hashed first. */
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatFiles } from '../../bench/format-files.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { createDecoder } from '../../src/decode/decode.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { drawnBy, hasChromium, hasRecentChromium, launchBrowser } from '../support/browser.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const hasher = createPdqHasher();
const OPTIONS = { orientations: 'none', families: 'resized' } as const;
/** Chromium applies a profile to CMYK; all else is the same picture. */
const BITS = 10;
const CMYK_BITS = 31;

describe.runIf(hasChromium)('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  test('each layout shows what is hashed first; docs/formats.md says which formats it shows', async () => {
    const files = await formatFiles(160);
    const drawn = await drawnBy(
      browser,
      files.map(({ pieces }) => pieces[0]!),
      'image/*',
    );
    const shows = new Map<string, boolean>();
    const far: string[] = [];
    for (const [at, { name, pieces }] of files.entries()) {
      const { raster, format } = await decoder.decode(pieces[0]!);
      const ours = hasher.hash(raster, OPTIONS).families[0]!.hashes[0]!;
      const shown = drawn[at];
      shows.set(format, (shows.get(format) ?? false) || shown !== null);
      if (!shown) continue;
      const data = Uint8Array.from(shown.data);
      const theirs = hasher.hash({ ...shown, channels: 4, data }, OPTIONS).families[0]!.hashes[0]!;
      const distance = hamming256(ours, theirs);
      if (distance > (name.includes('CMYK') ? CMYK_BITS : BITS)) far.push(`${name}: ${distance}`);
    }
    expect(far).toEqual([]);
    const rows = [...readFileSync('docs/formats.md', 'utf8').matchAll(/^\| `(\w+)` \|.*\| (yes|no|-) \|$/gm)];
    for (const [, format, says] of rows) {
      if (shows.has(format!) && (format !== 'jxl' || hasRecentChromium))
        expect(`${format}: ${shows.get(format!) ? 'yes' : 'no'}`).toBe(`${format}: ${says}`);
    }
  });
});

/** Windows in a row: their hashes without loss, their places to a 4,096th, within a bound. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VIEW_WINDOWS } from '../../../src/http/schemas.js';
import { reorientPdq } from '../../../src/kernels/pdq-signs.js';
import { fixedPlaces } from '../../../src/kernels/windows/fixed-windows.js';
import {
  packStoredWindows,
  storedCount,
  unpackStoredWindows,
  VIEW_WINDOWS_BYTES_MAX,
  VIEW_WINDOWS_MAX,
} from '../../../src/scan/facts/stored-windows.js';
import { freshWindows } from '../../support/file-facts.js';

const EDGES = ['left', 'top', 'right', 'bottom'] as const;

test('have their kinds, angles and hashes, and lie where they lay; their certain bits are gone', () => {
  fc.assert(
    fc.property(freshWindows, (windows) => {
      const packed = packStoredWindows(windows);
      const stored = unpackStoredWindows(packed);
      expect(storedCount(packed)).toBe(windows.length);
      expect(stored.map(({ window: { kind, degrees } }) => [kind, degrees])).toEqual(
        windows.map(({ window: { kind, degrees } }) => [kind, degrees]),
      );
      expect(stored.map(({ hashes }) => hashes)).toEqual(windows.map(({ hashes }) => hashes));
      for (const [n, { window, certain, quality }] of stored.entries()) {
        const was = windows[n]!.window;
        expect([certain, quality]).toEqual([null, null]);
        for (const edge of EDGES)
          expect(Math.abs(window.rectangle[edge] - was.rectangle[edge])).toBeLessThanOrEqual(1 / 4_096);
        expect(Math.abs(window.proportion / was.proportion - 1)).toBeLessThan(1e-6);
      }
      // What is unpacked is packed as it was.
      expect(packStoredWindows(stored)).toEqual(packed);
    }),
  );
});

test('a place has the same number in images of all proportions', () => {
  for (const [width, height] of [
    [1_024, 24],
    [24, 1_024],
    [640, 480],
    [1, 1],
  ] as const)
    expect(fixedPlaces(width, height).map(({ kind, degrees }) => `${kind} ${degrees}`)).toEqual(
      fixedPlaces(1, 1).map(({ kind, degrees }) => `${kind} ${degrees}`),
    );
});

const hash = (seed: number) => Uint8Array.from({ length: 32 }, (_, at) => (at * 37 + seed * 101) & 255);
const at = (left: number) => ({ left, top: 0.25, right: 0.75, bottom: 0.9 });

test('a view has at most as many bytes as its name says, whatever its hashes are', () => {
  const windows = Array.from({ length: VIEW_WINDOWS_MAX }, (_, n) => ({
    window: { kind: 'part' as const, rectangle: at(0.001 + n / 4_096), degrees: 0, proportion: 1.5 },
    quality: 80,
    // As far from the sign rule as can be.
    hashes: [hash(n), reorientPdq(hash(n), 'flipY').map((byte) => byte ^ 255)],
    certain: hash(n),
  }));
  const packed = packStoredWindows(windows);
  expect(packed.length).toBeLessThanOrEqual(VIEW_WINDOWS_BYTES_MAX);
  expect(packed.length).toBeGreaterThan(VIEW_WINDOWS_BYTES_MAX * 0.9);
  expect(unpackStoredWindows(packed).map(({ hashes }) => hashes)).toEqual(windows.map(({ hashes }) => hashes));
  expect(() => packStoredWindows([...windows, windows[0]!])).toThrow(RangeError);
});

test('a window at no place that can be stored is refused, and not stored elsewhere', () => {
  const of = (kind: 'part' | 'crop', rectangle: ReturnType<typeof at>) => ({
    window: { kind, rectangle, degrees: 0, proportion: 1 },
    quality: 80,
    hashes: [hash(1), hash(2)],
    certain: hash(3),
  });
  expect(() => packStoredWindows([of('crop', at(0.2))])).toThrow(RangeError);
  expect(() => packStoredWindows([of('part', at(-0.2))])).toThrow(RangeError);
});

test('a request takes all windows that a view may have', () => {
  expect(VIEW_WINDOWS_MAX).toBe(VIEW_WINDOWS);
});

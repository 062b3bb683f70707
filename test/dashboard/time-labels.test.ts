/** Labels of the time axis: no two alike beside each other, whatever the step. */
import { expect, test } from 'vitest';
import { timeLabels, timeRange } from '../../src/dashboard/time-labels.js';

const NOON = Date.UTC(2026, 8, 14, 12) / 1000;

test.each([
  ['seconds', 5, ['12:00:00', '12:00:05', '12:00:10']],
  ['half a minute', 30, ['12:00:00', '12:00:30', '12:01:00']],
  ['minutes', 60, ['12:00', '12:01', '12:02']],
  ['half a day, of which midnight is a day', 43_200, ['12:00', '15 Sept', '12:00']],
])('%s', (_what, step, labels) => {
  expect(
    timeLabels(
      [0, 1, 2].map((at) => NOON + at * step),
      step,
      NOON + 3 * step,
    ),
  ).toEqual(labels);
});

test('days and months; the end has none', () => {
  const midnight = NOON - 43_200;
  expect(timeLabels([midnight, midnight + 86_400], 86_400, midnight + 86_400)).toEqual(['14 Sept', '']);
  expect(timeLabels([midnight], 30 * 86_400, NOON)).toEqual(['Sept']);
});

test('one point, and a few seconds, are the end of a minute; more stay as they are', () => {
  expect(timeRange(NOON, NOON)).toEqual([NOON - 60, NOON]);
  expect(timeRange(NOON - 20, NOON)).toEqual([NOON - 60, NOON]);
  expect(timeRange(NOON - 60, NOON)).toEqual([NOON - 60, NOON]);
  expect(timeRange(NOON - 3_600, NOON)).toEqual([NOON - 3_600, NOON]);
  expect(timeRange(null, null)).toEqual([null, null]);
});

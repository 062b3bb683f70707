/** A quarter like that of the national service of 2020, in round numbers, and one hit. */
import type { Match } from '../../src/core/match-types.js';
import type { Hit, Report } from '../../src/reports/report.js';

const within = (counts: readonly [number, number][], of: number) =>
  counts.map(([hours, count]) => ({ hours, count, due: of, share: count / of }));

export const REPORT: Report = {
  period: '2026-Q3',
  from: '2026-07-01T00:00:00.000Z',
  to: '2026-10-01T00:00:00.000Z',
  tenant: null,
  generatedAt: '2026-10-02T08:15:00.000Z',
  checked: 18_200_000_000,
  matched: 7_400_000,
  exact: 6_100_000,
  near: 1_300_000,
  suppressed: 21_400,
  notChecked: 1_830_000,
  hitRate: 7_400_000 / 18_200_000_000,
  byTenant: [
    {
      tenant: 'harbour-hosting',
      checked: 12_000_000_000,
      matched: 7_100_000,
      suppressed: 20_000,
      notChecked: 1_500_000,
    },
    { tenant: 'polder-cloud', checked: 6_200_000_000, matched: 300_000, suppressed: 1_400, notChecked: 330_000 },
  ],
  byList: [
    { list: 'hotline', matched: 6_900_000 },
    { list: 'police', matched: 812_345 },
  ],
  byCategory: [
    { category: 'A1', matched: 7_000_000 },
    { category: 'B2', matched: 400_000 },
  ],
  byReason: [
    { reason: 'truncated', count: 1_200_000 },
    { reason: 'corrupt', count: 630_000 },
  ],
  interval: 'day',
  series: Array.from({ length: 92 }, (_, day) => ({
    start: new Date(Date.UTC(2026, 6, 1 + day)).toISOString(),
    checked: 197_826_087 + ((day * 7_919) % 1_000_003) * 40,
    matched: 80_434 + ((day * 104_729) % 40_009),
    suppressed: 232,
    notChecked: 19_891,
  })),
  takedown: {
    cases: 41_200,
    open: 430,
    notified: 310,
    removed: 39_900,
    falsePositives: 870,
    confirmed: 0,
    within: within(
      [
        [1, 9_000],
        [12, 31_000],
        [24, 38_500],
      ],
      41_200,
    ),
    medianSeconds: 5 * 3600 + 12 * 60,
    medianSecondsFromFinding: 5 * 3600 + 12 * 60,
    p90Seconds: 26 * 3600,
    p90SecondsFromFinding: 26 * 3600,
    oldestOpenAt: '2026-09-02T11:00:00.000Z',
    seenAgainAfterRemoval: 212,
    overdue: 44,
    byTenant: [
      {
        tenant: 'harbour-hosting',
        cases: 40_000,
        open: 20,
        removed: 39_400,
        falsePositives: 580,
        medianSeconds: 5 * 3600,
        medianSecondsFromFinding: 5 * 3600,
        overdue: 4,
        within: within(
          [
            [1, 9_000],
            [12, 30_500],
            [24, 38_000],
          ],
          40_000,
        ),
      },
      {
        tenant: 'polder-cloud',
        cases: 1_200,
        open: 100,
        removed: 500,
        falsePositives: 290,
        medianSeconds: null,
        medianSecondsFromFinding: null,
        overdue: 40,
        within: within(
          [
            [1, 0],
            [12, 500],
            [24, 500],
          ],
          1_200,
        ),
      },
    ],
  },
  reversals: { decided: 40_770, reversed: 870, errorRate: 870 / 40_770 },
};

/** The nearest match of `HIT`. */
export const MATCH: Match = {
  list: 'hotline',
  entryId: 'e-17',
  algorithm: 'pdq',
  matchType: 'near',
  distance: 6,
  radius: 31,
  orientation: 'rotate90',
  family: 'resized',
  frame: 0,
  background: null,
  window: null,
  derived: null,
  part: null,
  category: 'A1',
  severity: null,
  source: 'hotline-nl',
  suppressed: false,
  quarantined: false,
};

/** Digests in form only, of no file. */
export const DIGESTS = { md5: '0f'.repeat(16), sha1: '1e'.repeat(20), sha256: '2d'.repeat(32) } as const;

export const HIT: Hit = {
  id: '01K5E4ZQ3V8F2N6T7R9W0XYABC',
  tenant: 'harbour-hosting',
  reference: 'bucket-7/holiday/0042.jpg',
  kind: 'image',
  firstSeenAt: '2026-09-14T09:12:00.000Z',
  lastSeenAt: '2026-09-14T10:40:00.000Z',
  timesSeen: 3,
  seenAfterRemoval: 0,
  digests: DIGESTS,
  possible: false,
  list: 'hotline',
  entryId: 'e-17',
  algorithm: 'pdq',
  matchType: 'near',
  distance: 6,
  radius: 31,
  orientation: 'rotate90',
  family: 'resized',
  category: 'A1',
  severity: null,
  source: 'hotline-nl',
  matches: [MATCH],
  generation: 1812,
  checkId: '01K5E4ZQ3V0000000000000000',
  quarantined: false,
  status: 'open',
  assignee: null,
  disputed: false,
  handling: [],
  history: [],
  clock: {
    foundAt: '2026-09-14T09:12:00.000Z',
    startedAt: '2026-09-14T09:12:00.000Z',
    stoppedAt: null,
    seconds: null,
    secondsFromFinding: null,
    deadlines: [
      { hours: 1, dueAt: '2026-09-14T10:12:00.000Z', met: null },
      { hours: 12, dueAt: '2026-09-14T21:12:00.000Z', met: null },
      { hours: 24, dueAt: '2026-09-15T09:12:00.000Z', met: null },
    ],
  },
};

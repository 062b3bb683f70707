import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { notice } from '../../src/reports/notice.js';
import type { Hit } from '../../src/reports/report.js';
import { DIGESTS, HIT, MATCH } from '../support/report-samples.js';

const NOW = '2026-09-14T10:45:00Z';
const read = (hit: Partial<Hit>, details = true, language: 'en' | 'nl' = 'en') =>
  notice({ ...HIT, ...hit }, { language, details, now: NOW });

describe('facts', () => {
  test('are in the English notice', () => {
    const text = read({});
    expect(text).toContain('An image in your storage matches an entry of the hash list "hotline".');
    for (const fact of [
      'To                    harbour-hosting',
      'Case                  01K5E4ZQ3V8F2N6T7R9W0XYABC',
      'Your reference        bucket-7/holiday/0042.jpg',
      'First seen            14 September 2026 at 09:12 UTC',
      'Last seen             14 September 2026 at 10:40 UTC, seen 3 times',
      'Match                 near: 6 of 256 bits apart, where up to 31 count',
      'Entry                 e-17 (pdq)',
      'within 1 h            14 September 2026 at 10:12 UTC, has passed',
      'within 24 h           15 September 2026 at 09:12 UTC, not yet due',
    ]) {
      expect(text).toContain(`  ${fact}\n`);
    }
  });

  test('are in the Dutch notice, in Dutch time', () => {
    const text = read({}, true, 'nl');
    expect(text).toContain('Een afbeelding in uw opslag komt overeen met een vermelding op de hashlijst "hotline".');
    for (const fact of [
      'Eerst gezien          14 september 2026 om 11:12 (09:12 UTC)',
      'Overeenkomst          nabij: 6 van 256 bits verschil, waar er ten hoogste 31 meetellen',
      'binnen 1 uur          14 september 2026 om 12:12 (10:12 UTC), is verstreken',
      'binnen 24 uur         15 september 2026 om 11:12 (09:12 UTC), loopt nog',
    ]) {
      expect(text).toContain(`  ${fact}\n`);
    }
  });

  test('both languages have the same number of facts', () => {
    const lines = (language: 'en' | 'nl') =>
      read({}, true, language)
        .split('\n')
        .filter((line) => line.startsWith('  '));
    expect(lines('nl')).toHaveLength(lines('en').length);
  });

  test('a closed case has its end and no requested action', () => {
    const [one, ...rest] = HIT.clock.deadlines;
    const clock = {
      ...HIT.clock,
      stoppedAt: '2026-09-14T12:00:00Z',
      seconds: 10_080,
      deadlines: [{ ...one!, met: false }, ...rest.map((each) => ({ ...each, met: true }))],
    };
    const text = read({ status: 'removed', clock });
    expect(text).toContain('The case was closed on 14 September 2026 at 12:00 UTC.');
    expect(text).not.toContain('REQUESTED ACTION');
    expect(text).toMatch(/within 1 h .*, not met\n.*within 12 h .*, met\n/);
  });
});

describe('withheld values', () => {
  test('the digest of a file that is itself listed, by any list', () => {
    expect(read({})).toContain(DIGESTS.sha256);
    expect(read({ matchType: 'exact', algorithm: 'sha256', distance: 0 })).not.toMatch(/[0-9a-f]{32}/);
    const second = [...HIT.matches, { ...MATCH, list: 'police', matchType: 'exact' as const }];
    expect(read({ matches: second })).not.toMatch(/[0-9a-f]{32}/);
    expect(read({ matches: second })).toContain('hotline, police');
  });

  test('without the scope details: entry, distance and digest', () => {
    const text = read({}, false);
    expect(text).not.toMatch(/e-17|of 256|rotate90|[0-9a-f]{32}/);
    expect(text).toContain('near: the perceptual hash of the image is close to one on the list');
  });

  test('an entry id that contains a value', () => {
    for (const entryId of ['ab'.repeat(32), `sha1:${'CD'.repeat(20)}`, `${'Zm9v'.repeat(11)}=`]) {
      expect(read({ entryId })).not.toContain(entryId);
    }
  });

  test('MD5 and SHA-1, always', () => {
    expect(read({})).not.toContain(DIGESTS.md5);
    expect(read({})).not.toContain(DIGESTS.sha1);
  });
});

test('a name in the notice cannot add a line', () => {
  const lines = read({}).split('\n').length;
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), (text) => {
      const forged = read({
        reference: `x\n\n${text}\r\u2028y`,
        list: `l${text}`,
        matches: [{ ...MATCH, list: `l${text}` }],
      });
      expect(forged.split(/[\n\r\u2028\u2029\u0085\v\f]/)).toHaveLength(lines);
    }),
  );
});

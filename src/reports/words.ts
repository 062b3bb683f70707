/** Counts, shares, durations and times, formatted for English and Dutch readers. */

export const LANGUAGES = ['en', 'nl'] as const;
export type Language = (typeof LANGUAGES)[number];

/** British English: day before month, a comma between thousands. Dutch text has Dutch local time, with UTC beside it. */
const LOCALE: Readonly<Record<Language, string>> = { en: 'en-GB', nl: 'nl-NL' };
const UNITS: Readonly<Record<Language, { d: string; h: string; min: string; s: string }>> = {
  en: { d: 'd', h: 'h', min: 'min', s: 's' },
  nl: { d: 'd', h: 'u', min: 'min', s: 's' },
};
const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

export function countText(count: number, language: Language = 'en'): string {
  return new Intl.NumberFormat(LOCALE[language], { maximumFractionDigits: 0 }).format(count);
}

/** `share`: 0..1. Three significant digits, so that one hit in 2,460 is not rounded to 0. */
export function shareText(share: number, language: Language = 'en'): string {
  return new Intl.NumberFormat(LOCALE[language], {
    style: 'percent',
    ...(share > 0 && share < 0.01 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 1 }),
  }).format(share);
}

/** The two largest units, rounded to the smaller: `2 d 3 h`, `9 h 14 min`, `40 s`. `seconds`: 0 or more. */
export function durationText(seconds: number, language: Language = 'en'): string {
  const unit = UNITS[language];
  const two = (size: number, per: number, big: string, small: string) => {
    const count = Math.round(seconds / size);
    const rest = count % per;
    return `${Math.floor(count / per)} ${big}${rest === 0 ? '' : ` ${rest} ${small}`}`;
  };
  if (Math.round(seconds) < MINUTE_S) return `${Math.round(seconds)} ${unit.s}`;
  if (Math.round(seconds / MINUTE_S) < 60) return two(1, MINUTE_S, unit.min, unit.s);
  if (Math.round(seconds / HOUR_S) < 24) return two(MINUTE_S, 60, unit.h, unit.min);
  return two(HOUR_S, DAY_S / HOUR_S, unit.d, unit.h);
}

function moment(atMs: number, language: Language, timeZone: string): string {
  return new Intl.DateTimeFormat(LOCALE[language], { dateStyle: 'long', timeStyle: 'short', timeZone }).format(atMs);
}

/** Format `at` (RFC 3339): English in UTC; Dutch in Dutch local time, with UTC. */
export function timeText(at: string, language: Language = 'en'): string {
  const atMs = Date.parse(at);
  const utc = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' }).format(atMs);
  return language === 'nl'
    ? `${moment(atMs, 'nl', 'Europe/Amsterdam')} (${utc} UTC)`
    : `${moment(atMs, 'en', 'UTC')} UTC`;
}

/** `2026-09-14` of an RFC 3339 time, in UTC. */
export function dayText(at: string): string {
  return new Date(at).toISOString().slice(0, 10);
}

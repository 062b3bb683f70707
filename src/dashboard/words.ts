/** Formats of counts, times and durations on this page. */

const counts = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumSignificantDigits: 3 });
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

export const count = (value: number): string => counts.format(value);
/** Format a count for a tile or an axis: 18.2bn. */
export const short = (value: number): string => (value < 100_000 ? count(value) : compact.format(value));

/** Format a count for an axis, where all labels have one form. */
export const axis = (value: number): string => (value < 1000 ? String(value) : compact.format(value));

export function percent(share: number): string {
  const rare = share > 0 && share < 0.01;
  return new Intl.NumberFormat('en-GB', {
    style: 'percent',
    ...(rare ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 1 }),
  }).format(share);
}

/** Format the two largest units, rounded down: a countdown must not show more time than is left. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (size: number, big: string, smaller: number, small: string) => {
    const rest = Math.floor((whole % size) / smaller);
    return `${Math.floor(whole / size)} ${big}${rest > 0 ? ` ${rest} ${small}` : ''}`;
  };
  if (whole < MINUTE_S) return `${whole} s`;
  if (whole < HOUR_S) return two(MINUTE_S, 'min', 1, 's');
  if (whole < DAY_S) return two(HOUR_S, 'h', MINUTE_S, 'min');
  return two(DAY_S, 'd', HOUR_S, 'h');
}

export const age = (at: string, nowMs: number): string => {
  const seconds = (nowMs - Date.parse(at)) / 1000;
  return seconds < MINUTE_S ? 'just now' : `${duration(seconds).split(' ').slice(0, 2).join(' ')} ago`;
};

/** `14 Sep 2026 09:12`, UTC. */
export function time(at: string | number): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  })
    .format(typeof at === 'number' ? at : Date.parse(at))
    .replace(',', '');
}

export function seconds(value: number): string {
  return value < 1 ? `${Number((value * 1000).toPrecision(2))} ms` : `${Number(value.toPrecision(2))} s`;
}

export const plainWords = (name: string): string => name.replaceAll('_', ' ');

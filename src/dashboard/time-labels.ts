/** The labels of an axis of time, in UTC, and the least time that such an axis shows. */

const utc = (style: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { ...style, timeZone: 'UTC' });
const [seconds, clockFace, day, month] = [
  utc({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
  utc({ hour: '2-digit', minute: '2-digit' }),
  utc({ day: 'numeric', month: 'short' }),
  utc({ month: 'short' }),
];
const [MINUTE, DAY] = [60, 86_400];

/** Return a label for each tick. Seconds since 1970; `step`: between two ticks; `end`: of the axis. */
export function timeLabels(ticks: readonly number[], step: number, end: number): string[] {
  const shortest = step >= 28 * DAY ? month : step >= DAY ? day : step >= MINUTE ? clockFace : seconds;
  return ticks.map((tick) => {
    // No step begins at the end, and half of its label has no room.
    if (tick >= end) return '';
    const isMidnight = tick % DAY === 0;
    return (isMidnight && step < DAY ? day : shortest).format(tick * 1000);
  });
}

/** Return the ends of an axis from the first to the last point: at least a minute, since the points of a young service are one, or few. */
export function timeRange(first: number | null, last: number | null): [number | null, number | null] {
  if (first === null || last === null || last - first >= MINUTE) return [first, last];
  return [last - MINUTE, last];
}

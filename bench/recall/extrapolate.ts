/**
 * Chance of a match with a stranger, far below the smallest distance that was measured. Two models, which need not agree: what they agree on is how
 * a mode compares with another.
 */

const SQRT_2PI = Math.sqrt(2 * Math.PI);
/** Steps of the continued fraction; beyond 2 standard deviations it is exact to 12 digits. */
const STEPS = 200;
/** Below this many standard deviations the fraction converges too slowly. */
const FAR = 2;

/** Return the share of a normal distribution that is below `x`. Source: Laplace's continued fraction of Mills' ratio; the power series within. */
export function normalShareBelow(x: number, mean: number, deviation: number): number {
  const z = (mean - x) / deviation;
  if (z < 0) return 1 - normalShareBelow(2 * mean - x, mean, deviation);
  const density = Math.exp((-z * z) / 2) / SQRT_2PI;
  if (z >= FAR) {
    let fraction = z;
    for (let n = STEPS; n >= 1; n--) fraction = z + n / fraction;
    return density / fraction;
  }
  let term = z;
  let sum = z;
  for (let n = 1; n < STEPS; n++) {
    term *= (z * z) / (2 * n + 1);
    sum += term;
  }
  return 0.5 - density * sum;
}

export interface Spread {
  readonly count: number;
  readonly mean: number;
  readonly deviation: number;
}

/** Shape: `histogram` count by distance. */
export function spreadOf(histogram: ArrayLike<number>): Spread {
  let [count, sum, squares] = [0, 0, 0];
  for (let distance = 0; distance < histogram.length; distance++) {
    const at = histogram[distance]!;
    count += at;
    sum += at * distance;
    squares += at * distance * distance;
  }
  const mean = sum / count;
  return { count, mean, deviation: Math.sqrt(squares / count - mean * mean) };
}

export interface Tail {
  /** Largest distance of the fit. */
  readonly to: number;
  /** Comparisons up to it. */
  readonly count: number;
  /** Change of ln(cumulative count) a bit. */
  readonly slope: number;
  /** Its value at `to`. */
  readonly atEnd: number;
}

/**
 * Fit ln(count of distances up to d) = a + slope · d by least squares, over the distances that the nearest `most` comparisons have.
 * The true curve bends down towards small distances, so that the line, extended, is above it.
 */
export function fitTail(histogram: ArrayLike<number>, most: number): Tail {
  const points: { d: number; y: number }[] = [];
  let [count, to] = [0, 0];
  for (let d = 0; d < histogram.length; d++) {
    if (histogram[d] === 0) continue;
    if (count + histogram[d]! > most && points.length >= 2) break;
    count += histogram[d]!;
    to = d;
    points.push({ d, y: Math.log(count) });
  }
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [d0, y0] = [meanOf(points.map(({ d }) => d)), meanOf(points.map(({ y }) => y))];
  const slope =
    points.reduce((sum, { d, y }) => sum + (d - d0) * (y - y0), 0) /
    points.reduce((sum, { d }) => sum + (d - d0) ** 2, 0);
  return { to, count, slope, atEnd: y0 + slope * (to - d0) };
}

/** Return by which factor fewer comparisons are within `radiusBits` than within the fit's end. */
export const tailFactor = ({ to, slope }: Tail, radiusBits: number): number => Math.exp(slope * (radiusBits - to));

/** ln n!, by addition. */
const LN_FACTORIALS = [0];
for (let n = 1; n <= 256; n++) LN_FACTORIALS.push(LN_FACTORIALS[n - 1]! + Math.log(n));
const lnChoose = (n: number, k: number) => LN_FACTORIALS[n]! - LN_FACTORIALS[k]! - LN_FACTORIALS[n - k]!;

/** Return the chance that of `distance` wrong bits of 256, anywhere, at most `wrongMax` are among the 128 certain ones: hypergeometric. */
export function chancePasses(distance: number, wrongMax: number): number {
  let sum = 0;
  for (let k = Math.max(0, distance - 128); k <= Math.min(wrongMax, distance, 128); k++)
    sum += Math.exp(lnChoose(128, k) + lnChoose(128, distance - k) - lnChoose(256, distance));
  return sum;
}

/** Upper limit, at 95 %, of a share of which none was seen among `count`: the rule of three. */
export const unseenShare = (count: number): number => 3 / count;

/** Return the expected number of false matches of a billion checks with a list. `share`: of comparisons that match. */
export const perBillion = (queriesPerImage: number, listed: number, share: number): number =>
  1e9 * queriesPerImage * listed * share;

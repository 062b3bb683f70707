/** The worst query over lists that crowd the index's buckets, by chance or by design. */
import { buildRing } from '../src/index/ring.js';
import { nearCopy, pdqLike, seeded } from './pdq-like.js';
import { microsecondsOf, millisecondsOf, startClock } from './processor.js';
import type { BenchTable } from './report.js';

const RADIUS_BITS = 31;
/** Too large for the tables, so that all entries are compared; unrelated hashes are further apart. */
const SCANNED_RADIUS_BITS = 60;

/** Return the bit of chunk c from row k, as the index cuts hashes: column (c + 5k) mod 16 (docs/index.md). */
function chunkBit(c: number, k: number): number {
  return k * 16 + ((c + 5 * k) % 16);
}

function setBit(hash: Uint8Array, bit: number, value: boolean): void {
  if (value) hash[bit >> 3]! |= 1 << (bit & 7);
  else hash[bit >> 3]! &= ~(1 << (bit & 7));
}

const bitOf = (hash: Uint8Array, bit: number) => ((hash[bit >> 3]! >> (bit & 7)) & 1) === 1;

export async function skew({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const entries = smoke ? 4_000 : 1_000_000;
  const crowd = entries / 10;
  const random = seeded(5);
  const base = pdqLike(1, 77);
  const plain = pdqLike(entries - crowd, 1);
  const copies = (make: (n: number) => Uint8Array) => {
    const all = new Uint8Array(entries * 32);
    all.set(plain);
    for (let n = 0; n < crowd; n++) all.set(make(n), (entries - crowd + n) * 32);
    return all;
  };
  const sharing = (chunks: readonly number[]) => {
    const hash = pdqLike(1, 1_000 + Math.floor(random() * 1e9));
    for (const c of chunks) for (let k = 0; k < 16; k++) setBit(hash, chunkBit(c, k), bitOf(base, chunkBit(c, k)));
    return hash;
  };
  const lists: [string, Uint8Array][] = [
    ['no crowd', copies((n) => pdqLike(1, 500_000 + n))],
    ['a tenth near-copies of one', copies((n) => nearCopy(base, n % 24, random))],
    ['a tenth identical', copies(() => base)],
    ['a tenth in one bucket', copies(() => sharing([3]))],
    ['a tenth pass both filters', copies((n) => sharing([n % 16, (n + 1) % 16, (n + 2) % 16]))],
  ];
  const rows: (string | number)[][] = [];
  const sums: number[] = [];
  for (const [name, hashes] of lists) {
    const ring = buildRing(hashes);
    const queries = [
      ...Array.from({ length: smoke ? 5 : 200 }, () => nearCopy(base, Math.floor(random() * 40), random)),
      ...Array.from({ length: smoke ? 5 : 200 }, (_, n) => pdqLike(1, 9_000 + n)),
    ];
    for (const query of queries) ring.search(query, RADIUS_BITS);
    let most = 0;
    let scans = 0;
    const stop = startClock();
    const times = queries.map((query) => {
      const fromMs = performance.now();
      most = Math.max(most, ring.search(query, RADIUS_BITS).length);
      if (ring.scanned) scans++;
      return performance.now() - fromMs;
    });
    const spent = stop();
    times.sort((a, b) => a - b);
    const stopScan = startClock();
    ring.search(base, SCANNED_RADIUS_BITS);
    const scan = stopScan();
    const scanMs = scan.seconds * 1000;
    const [median, worst] = [times[times.length >> 1]!, times.at(-1)!];
    const processor = [microsecondsOf(spent, queries.length), millisecondsOf(scan, 1)];
    rows.push([name, most, scans, median, worst, processor[0]!, scanMs, processor[1]!, worst / scanMs]);
    sums.push(most);
  }
  return {
    title: `Skew: ${entries.toLocaleString('en')} entries, radius ${RADIUS_BITS}, queries near a crowd and far from it`,
    notes: [
      'if too many postings pass the first filter, a query scans instead, which bounds its time',
      'CPU: processor time of a query on average, and of the scan; matches: of the query with the most',
      'the index returns all matches; the service reads the nearest of each list and counts the rest',
    ],
    columns: ['list', 'matches', 'scans', 'p50 ms', 'worst ms', 'CPU us', 'scan ms', 'CPU ms', 'worst/scan'],
    rows,
    checksum: sums.join(' '),
  };
}

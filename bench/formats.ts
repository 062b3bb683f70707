/** Files of every format: decoded, degraded or refused, the distance to an independent reference, time and memory. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { parseHash256 } from '../src/core/hash256.js';
import { artefact } from '../src/core/package-root.js';
import { sniff } from '../src/decode/sniff.js';
import { hamming256 } from '../src/kernels/hamming.js';
import { createPdqHasher } from '../src/kernels/pdq.js';
import { childEnv } from './child.js';
import { formatFiles } from './format-files.js';
import type { FormatOutcome, FormatRun } from './formats-child.js';
import { medianOf } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';
import { tempFolder } from './temp-folder.js';

const run = promisify(execFile);
const CORPUS_FOLDERS = ['corpus/odd', 'corpus/broken', 'corpus/graphics', 'cases/pictures'];
const OUTPUT_BYTES_MAX = 67_108_864;
const WIDTH = 2_000;
const SMOKE_WIDTH = 160;
const SMOKE_CORPUS_FILES = 12;

interface Item {
  readonly path: string;
  /** Hash of what people see, by another decoder or from pixels before they were encoded. */
  readonly reference: Uint8Array | null;
}

async function runChild(items: readonly Item[]): Promise<FormatRun> {
  const { stdout } = await run(
    process.execPath,
    [artefact('bench', 'formats-child.js'), ...items.map(({ path }) => path)],
    { env: childEnv(), maxBuffer: OUTPUT_BYTES_MAX },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as FormatRun;
}

/** Words for refusals that leave room in a terminal. */
const SHORT: Readonly<Record<string, string>> = {
  IMAGE_UNSUPPORTED_FORMAT: 'unsupported',
  IMAGE_TRUNCATED: 'cut',
  IMAGE_CORRUPT: 'corrupt',
  IMAGE_TOO_MANY_PIXELS: 'pixels',
  IMAGE_TOO_SMALL: 'small',
};

/** Refusals by reason, as `2 corrupt, 1 cut`. */
function reasonsOf(outcomes: readonly FormatOutcome[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of outcomes) {
    if (!outcome.startsWith('IMAGE_')) continue;
    const reason = SHORT[outcome] ?? outcome;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count} ${reason}`).join(', ') || '-';
}

function rowOf(name: string, items: readonly Item[], { outcomes, peakBytes }: FormatRun): (string | number)[] {
  const count = (outcome: string) => outcomes.filter((one) => one.outcome === outcome).length;
  const distances = outcomes.flatMap(({ hash, outcome }, at) => {
    const { reference } = items[at]!;
    return hash === null || reference === null || outcome === 'grave'
      ? []
      : [hamming256(parseHash256(hash), reference)];
  });
  return [
    name,
    count('hashed'),
    count('degraded'),
    count('grave'),
    reasonsOf(outcomes),
    distances.length > 0 ? medianOf(distances) : '-',
    distances.length > 0 ? Math.max(...distances) : '-',
    medianOf(outcomes.map(({ processorMs }) => processorMs)),
    peakBytes / 1e6,
  ];
}

/** The corpus beside the project, by the format that each file claims. */
function corpusItems(root: string): Map<string, Item[]> {
  const vectors = parse(readFileSync(join(root, 'vectors/pdq-reference.csv'), 'utf8'), { columns: true }) as Record<
    string,
    string
  >[];
  const references = new Map(
    vectors.map(({ file, pdq_hash }) => [join(root, 'corpus', file!), parseHash256(pdq_hash!)]),
  );
  const byFormat = new Map<string, Item[]>();
  for (const folder of CORPUS_FOLDERS.filter((name) => existsSync(join(root, name)))) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(root, folder, entry.name);
      const format = entry.isFile() ? sniff(readFileSync(path))?.format : undefined;
      if (format === undefined) continue;
      byFormat.set(format, [...(byFormat.get(format) ?? []), { path, reference: references.get(path) ?? null }]);
    }
  }
  return byFormat;
}

export async function formats({ smoke }: BenchOptions): Promise<BenchTable> {
  const rows: (string | number)[][] = [];
  const hashes: string[] = [];
  const measure = async (name: string, items: readonly Item[]) => {
    const result = await runChild(items);
    rows.push(rowOf(name, items, result));
    hashes.push(...result.outcomes.map(({ hash }) => hash ?? ''));
  };
  const folder = tempFolder('formats');
  const plain = createPdqHasher();
  const hashOf = ({ data, width, height }: { data: Uint8Array; width: number; height: number }) =>
    plain.hash({ data, width, height, channels: 3 }, { orientations: 'none', families: 'resized' }).families[0]!
      .hashes[0]!;
  let known: Uint8Array | null = null;
  for (const [at, { name, pieces, shown }] of (await formatFiles(smoke ? SMOKE_WIDTH : WIDTH)).entries()) {
    if (shown) known ??= hashOf(shown);
    const items = pieces.map((bytes, piece): Item => {
      const path = join(folder, `${at}-${piece}`);
      writeFileSync(path, bytes);
      return { path, reference: shown && known };
    });
    await measure(name, items);
  }
  const { ZEEF_CORPUS: corpus } = process.env;
  const all = corpus ? corpusItems(corpus) : new Map<string, Item[]>();
  for (const [format, items] of [...all].sort())
    await measure(`corpus: ${format}`, smoke ? items.slice(0, SMOKE_CORPUS_FILES) : items);
  return {
    title: 'formats: what is hashed of files of every format',
    notes: [
      'a whole file of each layout, and 99 and 70 % of it; or the files of the corpus',
      'median, max: bits from the first view to the source pixels, or to another decoder’s hash',
      'grave: hashed, not_checked without a match; ms: processor time of all views of a file, median',
      'MB: peak above the process before its first file; a process for each row',
      ...(corpus ? [] : ['ZEEF_CORPUS is not set: the test corpus was not measured']),
    ],
    columns: ['files', 'hashed', 'degraded', 'grave', 'refused', 'median', 'max', 'ms', 'MB'],
    rows,
    checksum: `${rows.length} rows, ${new Set(hashes).size} hashes`,
  };
}

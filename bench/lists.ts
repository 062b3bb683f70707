/**
 * Parsers of every published list format: entries a second of processor time, and memory. With `against`, the same for another build,
 * one after the other on the same bytes.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { artefact } from '../src/core/package-root.js';
import type { HashlistFormat, parseHashList } from '../src/hashlists/importers.js';
import { parseMapping } from '../src/hashlists/mapping.js';
import { pdqLike } from './pdq-like.js';
import { medianOf } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';

const PIECE_BYTES = 65_536;
/** Hashes that are generated once and reused, so that generating them is not measured. */
const DISTINCT = 20_000;
/** Measurements of each format, of which the median counts, after one that warms up. */
const TRIALS = 3;

interface Shape {
  /** By default its name. */
  readonly format?: HashlistFormat;
  /** As the text of `--map`. */
  readonly map?: string;
  readonly head: string;
  readonly tail: string;
  readonly between: string;
  readonly entry: (pdq: string, at: number) => string;
}

const id = (at: number) => `e-${at}`;
const md5Of = (pdq: string) => pdq.slice(0, 32);

/** CSV as another program writes it, with a column that becomes a note. */
const withNote = (cell: (text: string) => string, note: string): Shape => ({
  format: 'csv',
  map: 'entryId=id,pdq=pdq,quality=quality,category=category',
  head: 'id,pdq,quality,category,note\n',
  tail: '\n',
  between: '\n',
  entry: (pdq, at) => [id(at), pdq, String(50 + (at % 50)), 'A1', `${note} ${at % 100}`].map(cell).join(','),
});

/** Formats read as streams; NSRL's is a database. */
type Streamed = Exclude<HashlistFormat, 'nsrl'>;

const SHAPES: Readonly<Record<Streamed | 'csv, a note' | 'csv, a note, quotes', Shape>> = {
  plain: { head: '', tail: '\n', between: '\n', entry: (pdq) => `pdq ${pdq}` },
  csv: {
    head: 'entryId,algorithm,value,category\n',
    tail: '\n',
    between: '\n',
    entry: (pdq, at) => `${id(at)},pdq,${pdq},A1`,
  },
  'csv, a note': withNote((text) => text, 'found on desk'),
  'csv, a note, quotes': withNote((text) => `"${text}"`, 'found, on desk'),
  jsonl: {
    head: '',
    tail: '\n',
    between: '\n',
    entry: (value, at) => JSON.stringify({ entryId: id(at), algorithm: 'pdq', value, category: 'A1' }),
  },
  json: {
    head: '[',
    tail: ']',
    between: ',',
    entry: (value, at) => JSON.stringify({ entryId: id(at), algorithm: 'pdq', value, category: 'A1' }),
  },
  'threatexchange-csv': { head: '', tail: '\n', between: '\n', entry: (pdq, at) => `${pdq},${at},2024-01-01,a b` },
  ncmec: {
    head: '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>',
    tail: '</images></queryResult>',
    between: '\n',
    entry: (pdq, at) =>
      `<image><member id="42">M</member><timestamp>2024-10-24T15:00:00Z</timestamp><id>${id(at)}</id>` +
      `<classification>A1</classification><fingerprints><md5>${md5Of(pdq)}</md5><pdq>${pdq}</pdq></fingerprints></image>`,
  },
  vics: {
    head: '{"@odata.context":"http://x/DataModels/2.0.xml/US/$metadata#Media","value":[',
    tail: ']}',
    between: ',',
    entry: (pdq, at) =>
      `{"MediaID":${at},"Category":1,"MD5":"${md5Of(pdq)}","SHA1":"${pdq.slice(0, 40)}","MediaSize":"12345",` +
      '"MimeType":"image/jpeg","AlternativeHashes":[],"VictimIdentified":false,"MediaFiles":[],"Exifs":[]}',
  },
  stopncii: {
    head: '{"count":1,"hasMoreRecords":false,"hashRecords":[',
    tail: ']}',
    between: ',',
    entry: (pdq, at) =>
      `{"lastModtimestamp":1625175071,"signalType":"ImagePDQ","hashValue":"${pdq}","hashStatus":"Active",` +
      `"caseNumbers":{"${id(at)}":"Active"},"CSPFeedbacks":[]}`,
  },
  threatexchange: {
    head: '[',
    tail: ']',
    between: ',',
    entry: (pdq, at) =>
      `{"id":"${at}","indicator":"${pdq}","type":"HASH_PDQ","last_updated":1625175071,"descriptors":{"data":` +
      '[{"id":"d","owner":{"id":"7"},"status":"MALICIOUS","tags":{"data":[{"text":"t"}]},"confidence":90}]}}',
  },
  // The signals of one content: contents are a small part of a dump's time, and all of its memory.
  hma: {
    head:
      'COPY public.bank (id, name, enabled_ratio) FROM stdin;\n1\tDESK\t1\n\\.\n' +
      'COPY public.bank_content (id, bank_id, disable_until_ts) FROM stdin;\n1\t1\t1\n\\.\n' +
      'COPY public.content_signal (content_id, signal_type, signal_val, create_time) FROM stdin;\n',
    tail: '\n\\.\n',
    between: '\n',
    entry: (pdq) => `1\tpdq\t${pdq}\t2026-01-01 00:00:00+00`,
  },
  'tech-against-terrorism': {
    head: '{"count":1,"next":null,"results":[',
    tail: ']}',
    between: ',',
    entry: (pdq, at) =>
      `{"id":${at},"hash_digest":"${pdq}","algorithm":"PDQ","ideology":"i","file_type":"png","deleted":false,"updated_on":1724856487.7}`,
  },
};

/** Return a list in pieces, like those of a file. The entries of the hashes are made once, and repeated until they are `count`. */
function piecesOf({ head, tail, between, entry }: Shape, hashes: readonly string[], count: number): readonly Buffer[] {
  const entries = Buffer.from(hashes.map((hash, at) => entry(hash, at) + between).join(''));
  const inPieces = (bytes: Buffer) =>
    Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, at) =>
      bytes.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES),
    );
  const repeated = Array.from({ length: count / hashes.length - 1 }, () => inPieces(entries)).flat();
  const last = inPieces(entries.subarray(0, entries.length - between.length));
  return [Buffer.from(head), ...repeated, ...last, Buffer.from(tail)];
}

type Parse = typeof parseHashList;

/** Return the parsers of a build. `path`: of its module, which builds before this bench do not have as a file of its own. */
async function parseOf(path: string): Promise<Parse> {
  const { parseHashList } = (await import(pathToFileURL(path).href)) as { parseHashList: Parse };
  return parseHashList;
}

/** Read a list once. Unit: seconds of processor time, those of the garbage collector included. */
async function readOnce(parse: Parse, name: string, { format, map }: Shape, pieces: readonly Buffer[]) {
  const began = process.cpuUsage();
  async function* bytes() {
    yield* pieces;
  }
  const assumed = name === 'threatexchange-csv' ? ('pdq' as const) : undefined;
  const mapping = map === undefined ? {} : { mapping: parseMapping(map) };
  let [values, accepted, memory] = [0, 0, 0];
  for await (const row of parse(format ?? (name as Streamed), { bytes: bytes(), kind: 'match', assumed, ...mapping })) {
    if (row.ok) accepted++;
    if ((++values & 0x3fff) === 0) memory = Math.max(memory, process.memoryUsage.rss());
  }
  const { user, system } = process.cpuUsage(began);
  return { seconds: (user + system) / 1e6, values, accepted, memory };
}

export async function lists({ smoke, against }: BenchOptions): Promise<BenchTable> {
  const count = smoke ? 2_000 : 200_000;
  const values = pdqLike(Math.min(count, DISTINCT), 1);
  const hashes = Array.from({ length: values.length / 32 }, (_, at) =>
    Buffer.from(values.subarray(at * 32, at * 32 + 32)).toString('hex'),
  );
  const builds = [{ which: '', parse: await parseOf(artefact('src', 'hashlists', 'importers.js')) }];
  if (against !== undefined) {
    const parse = await parseOf(join(against, 'dist', 'src', 'hashlists', 'importers.js'));
    builds.unshift({ which: ', other', parse });
  }
  const rows: (string | number)[][] = [];
  let accepted = 0;
  for (const [name, shape] of Object.entries(SHAPES)) {
    const pieces = piecesOf(shape, hashes, count);
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const trials: Awaited<ReturnType<typeof readOnce>>[][] = builds.map(() => []);
    for (let trial = 0; trial <= (smoke ? 0 : TRIALS); trial++) {
      // One after the other, so that all builds meet the machine as it is now.
      for (const [n, { parse }] of builds.entries()) trials[n]!.push(await readOnce(parse, name, shape, pieces));
    }
    for (const [n, { which }] of builds.entries()) {
      const [first, ...others] = trials[n]!;
      const seconds = medianOf((smoke ? [first!] : others).map((one) => one.seconds));
      const memory = Math.max(...trials[n]!.map((one) => one.memory));
      rows.push([name + which, count / seconds, first!.values / seconds, bytes / seconds / 1e6, memory / 1e6]);
    }
    accepted += trials.at(-1)![0]!.accepted;
  }
  return {
    title: `Importers, ${count.toLocaleString('en')} entries each, one thread, nothing stored`,
    notes: [
      `a second is one of processor time; median of ${TRIALS} runs after one that warms up`,
      'an entry of ncmec and vics has two values; memory is of the whole process',
    ],
    columns: ['format', 'entries/s', 'values/s', 'MB/s', 'peak memory, MB'],
    rows,
    checksum: String(accepted),
  };
}

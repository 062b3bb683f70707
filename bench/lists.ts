/** Parsers of every published list format: entries a second, and memory. */

import type { HashlistFormat } from '../src/hashlists/importers.js';
import { PARSERS } from '../src/hashlists/importers.js';
import { pdqLike } from './pdq-like.js';
import type { BenchTable } from './report.js';

const PIECE_BYTES = 65_536;
/** Hashes that are generated once and reused, so that generating them is not measured. */
const DISTINCT = 20_000;

interface Shape {
  readonly head: string;
  readonly tail: string;
  readonly between: string;
  readonly entry: (pdq: string, at: number) => string;
}

const id = (at: number) => `e-${at}`;
const md5Of = (pdq: string) => pdq.slice(0, 32);

/** Formats read as streams; NSRL's is a database. */
type Streamed = Exclude<HashlistFormat, 'nsrl'>;

const SHAPES: Readonly<Record<Streamed, Shape>> = {
  plain: { head: '', tail: '\n', between: '\n', entry: (pdq) => `pdq ${pdq}` },
  csv: {
    head: 'entryId,algorithm,value,category\n',
    tail: '\n',
    between: '\n',
    entry: (pdq, at) => `${id(at)},pdq,${pdq},A1`,
  },
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
  'tech-against-terrorism': {
    head: '{"count":1,"next":null,"results":[',
    tail: ']}',
    between: ',',
    entry: (pdq, at) =>
      `{"id":${at},"hash_digest":"${pdq}","algorithm":"PDQ","ideology":"i","file_type":"png","deleted":false,"updated_on":1724856487.7}`,
  },
};

/** Stream a list in pieces, like a file. */
async function* listBytes({ head, tail, between, entry }: Shape, hashes: readonly string[], count: number) {
  let text = head;
  for (let at = 0; at < count; at++) {
    text += (at > 0 ? between : '') + entry(hashes[at % hashes.length]!, at);
    if (text.length < PIECE_BYTES) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text + tail);
}

export async function lists({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const count = smoke ? 2_000 : 1_000_000;
  const values = pdqLike(Math.min(count, DISTINCT), 1);
  const hashes = Array.from({ length: values.length / 32 }, (_, at) =>
    Buffer.from(values.subarray(at * 32, at * 32 + 32)).toString('hex'),
  );
  const rows: (string | number)[][] = [];
  let accepted = 0;
  for (const [format, shape] of Object.entries(SHAPES) as [Streamed, Shape][]) {
    // The time to generate the text is measured first, and subtracted.
    const emptyMs = performance.now();
    let bytes = 0;
    for await (const piece of listBytes(shape, hashes, count)) bytes += piece.length;
    const startedMs = performance.now();
    const makingMs = startedMs - emptyMs;
    let most = 0;
    let seen = 0;
    const assumed = format === 'threatexchange-csv' ? ('pdq' as const) : undefined;
    for await (const row of PARSERS[format]({ bytes: listBytes(shape, hashes, count), kind: 'match', assumed })) {
      if (row.ok) accepted++;
      if ((++seen & 0x3fff) === 0) most = Math.max(most, process.memoryUsage.rss());
    }
    const seconds = Math.max(0.001, (performance.now() - startedMs - makingMs) / 1000);
    rows.push([format, count / seconds, seen / seconds, bytes / seconds / 1_000_000, most / 1_000_000]);
  }
  return {
    title: `Importers, ${count.toLocaleString('en')} entries each, one thread, nothing stored`,
    notes: ['an entry of ncmec and vics has two values; memory is of the whole process'],
    columns: ['format', 'entries/s', 'values/s', 'MB/s', 'peak memory, MB'],
    rows,
    checksum: String(accepted),
  };
}

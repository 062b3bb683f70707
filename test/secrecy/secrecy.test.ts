/**
 * Marked values are planted on a list; then a whole run of the program is searched for them: every file that it writes,
 * everything that it prints or returns, and the memory of the process that decodes images.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childrenOf } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { readCsv } from '../support/corpus.js';
import { hasHnsw } from '../support/hnsw.js';
import { run, serve } from '../support/processes.js';
import { randomBytes, seeded } from '../support/random.js';
import { PICTURES } from '../support/running.js';

const picture = 'mate-freshflower.jpg';
const pictureHash = readCsv(join(PICTURES, 'expected.csv')).find(({ file }) => file === picture)!.pdq_hash!;

/** The hash with bits flipped in pairs, so that its weight stays: near enough to match, and not the image's own. */
function near(hex: string, pairs: number): Buffer {
  const hash = Buffer.from(hex, 'hex');
  const left = { true: pairs, false: pairs };
  for (let bit = 3; bit < 256; bit += 5) {
    const mask = 1 << (bit & 7);
    const isSet = `${(hash[bit >> 3]! & mask) !== 0}` as const;
    if (left[isSet]-- > 0) hash[bit >> 3]! ^= mask;
  }
  return hash;
}

const planted: Readonly<Record<string, Buffer>> = {
  pdq: near(pictureHash, 3),
  md5: Buffer.from(randomBytes(seeded(1), 16)),
  sha1: Buffer.from(randomBytes(seeded(2), 20)),
  sha256: Buffer.from(randomBytes(seeded(3), 32)),
  photodna: Buffer.from(randomBytes(seeded(4), 144)),
};

/** Return the planted values that the bytes contain, with their forms. */
function found(bytes: Buffer): string[] {
  const text = bytes.toString('latin1').toLowerCase();
  return Object.entries(planted).flatMap(([algorithm, value]) => {
    // Base64 of a value after one or two other bytes has other letters; the first and last depend on those bytes.
    const shifted = [0, 1, 2].map((by) =>
      Buffer.concat([Buffer.alloc(by), value])
        .toString('base64')
        .slice(4, -4),
    );
    const forms = { raw: bytes.includes(value), hex: text.includes(value.toString('hex')) };
    const base64 = shifted.some(
      (form) => bytes.includes(form) || bytes.includes(form.replaceAll('+', '-').replaceAll('/', '_')),
    );
    return Object.entries({ ...forms, base64 })
      .filter(([, isThere]) => isThere)
      .map(([form]) => `${algorithm} as ${form}`);
  });
}

/** Return every file in the folder that contains a planted value, with the value and its form. */
function foundIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .flatMap((path) => found(readFileSync(path)).map((what) => `${path}: ${what}`));
}

/** Yield the whole readable memory of a process, piece by piece (Linux). */
function* memoryOf(pid: number): Generator<Buffer> {
  const PIECE = 16_777_216;
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
      if (from === undefined) continue;
      for (let at = Number.parseInt(from, 16); at < Number.parseInt(to!, 16); at += PIECE) {
        const piece = Buffer.alloc(Math.min(PIECE, Number.parseInt(to!, 16) - at));
        let bytes = 0;
        try {
          bytes = readSync(memory, piece, 0, piece.length, at);
        } catch {
          // Reserved but not mapped, or the kernel's own.
        }
        if (bytes > 0) yield piece.subarray(0, bytes);
      }
    }
  } finally {
    closeSync(memory);
  }
}

test('the search finds planted values: raw, hex in either case, base64 at any offset', () => {
  const { pdq, md5 } = planted as { pdq: Buffer; md5: Buffer };
  expect(found(Buffer.concat([Buffer.of(1, 2), pdq]))).toEqual(['pdq as raw']);
  expect(found(Buffer.from(`x${md5.toString('hex').toUpperCase()}y`))).toEqual(['md5 as hex']);
  for (const before of ['', 'a', 'ab', 'abc']) {
    expect(found(Buffer.from(Buffer.concat([Buffer.from(before), md5]).toString('base64url')))).toEqual([
      'md5 as base64',
    ]);
  }
  expect(found(Buffer.alloc(1_000))).toEqual([]);
});

/** A dozen processes, one after the other, on a possibly busy machine. */
const RUN_MS = 240_000;

test(
  'in a whole run, planted values are in no file, output or response, nor in the decoder’s memory',
  async () => {
    const folder = tempFolder('secret');
    const dataDir = join(folder, 'data');
    const source = join(folder, 'planted.csv');
    const { pdq, md5, sha1, sha256, photodna } = planted as Record<
      'pdq' | 'md5' | 'sha1' | 'sha256' | 'photodna',
      Buffer
    >;
    const bad = `${pdq.toString('hex')}zz`;
    writeFileSync(
      source,
      `entryId,algorithm,value\n${Object.entries(planted)
        .map(([algorithm, value]) => `p-${algorithm},${algorithm},${value.toString('hex')}\n`)
        .join('')}bad-1,pdq,${bad}\nbad-2,md5,${sha256.toString('hex')}\n`,
    );
    const env = {
      ZEEF_DATA_DIR: dataDir,
      ZEEF_LOG_LEVEL: 'trace',
      ZEEF_PHOTODNA_RADIUS: '50',
      ZEEF_PHOTODNA_INDEX: hasHnsw ? 'hnsw' : 'linear',
      ZEEF_FLOOD_FILES: '1',
      ZEEF_LIST_KEY_FILE: join(folder, 'key'),
    };
    writeFileSync(env.ZEEF_LIST_KEY_FILE, 'c3'.repeat(32));
    const printed: Record<string, Buffer> = {};
    const zeef = async (...args: string[]) => {
      const { code, output } = await run(env, ...args);
      printed[args.join(' ').replaceAll(folder, '')] = output;
      return code;
    };
    expect(await zeef('lists', 'import', source, '--list', 'planted')).toBe(0);
    // A held version, with all its entries.
    expect(
      await zeef('lists', 'import', 'hashlists/canary.txt', '--algorithm', 'pdq', '--list', 'planted', '--add'),
    ).toBe(2);
    expect(await zeef('lists', 'import', join(folder, 'nowhere'), '--list', 'planted')).toBe(2);
    expect(await zeef('check', '--json', join(PICTURES, picture))).toBe(1);
    expect(await zeef('lists', 'export')).toBe(0);
    expect(await zeef('lists', 'export', join(dataDir, 'own.jsonl'), '--list', 'planted')).toBe(0);

    const service = await serve(env);
    const answers: Record<string, Buffer> = {};
    const ask = async (method: string, path: string, body?: string | Buffer, type = 'application/json') => {
      const response = await fetch(service.url + path, {
        method,
        ...(body ? { body: body as BodyInit, headers: { 'content-type': type } } : {}),
      });
      const headers = Buffer.from(JSON.stringify([...response.headers]));
      answers[`${method} ${path}`] = Buffer.concat([headers, Buffer.from(await response.arrayBuffer())]);
      return response.status;
    };
    const bytes = readFileSync(join(PICTURES, picture));
    expect(await ask('POST', '/v1/check', bytes, 'image/jpeg')).toBe(200);
    expect(answers['POST /v1/check']!.toString()).toContain('"verdict":"match"');
    expect(await ask('POST', '/v1/hash', bytes, 'image/jpeg')).toBe(200);
    // A response may repeat what its request had: these are one bit pair away, or malformed, so that it cannot.
    const items = [
      { pdq: near(pdq.toString('hex'), 1).toString('hex') },
      { pdq: bad },
      { md5: `${md5.toString('hex')}0` },
    ];
    expect(await ask('POST', '/v1/check/hashes', JSON.stringify({ items }))).toBe(200);
    expect(answers['POST /v1/check/hashes']!.toString()).toContain('"verdict":"match"');
    const raw = Buffer.concat([md5, sha1.subarray(0, 12), sha256.subarray(0, 4)]);
    expect(await ask('POST', '/v1/check/hashes?algorithm=md5', raw, 'application/octet-stream')).toBe(200);
    expect(await ask('POST', '/v1/check/hashes', `{"items":[{"pdq":"${bad}"}`)).toBe(400);
    const suppression = { algorithm: 'photodna', value: photodna.toString('base64'), note: 'n' };
    expect(await ask('POST', '/v1/suppressions', JSON.stringify(suppression))).toBe(201);
    const pages = ['/v1/lists', '/v1/lists/planted', '/v1/lists/planted/versions', '/v1/suppressions', '/v1/stats'];
    const year = new Date().getUTCFullYear();
    const reports = ['json', 'csv', 'html', 'dsa'].map((format) => `/v1/report?period=${year}&format=${format}`);
    for (const path of [
      ...pages,
      ...reports,
      '/v1/hits',
      '/v1/jobs',
      '/dashboard',
      '/metrics',
      '/readyz',
      '/openapi.json',
      '/v1/nowhere',
    ])
      await ask('GET', path);
    await ask('PATCH', '/v1/lists/planted', JSON.stringify({ radiusBits: 20 }));

    const { hits } = JSON.parse(answers['GET /v1/hits']!.toString().replace(/^.*?\]\]/, '')) as {
      hits: { id: string }[];
    };
    expect(hits.length).toBeGreaterThan(0);
    for (const { id } of hits) {
      await ask('GET', `/v1/hits/${id}`);
      await ask('GET', `/v1/hits/${id}/notice?language=nl`);
      await ask('PATCH', `/v1/hits/${id}`, JSON.stringify({ status: 'false_positive', suppress: true }));
    }
    const handed = `entryId,algorithm,value\nh-1,pdq,${pdq.toString('hex')}\n`;
    expect(await ask('POST', '/v1/lists/handed/entries?format=csv', handed, 'text/csv')).toBe(200);

    const children = childrenOf(service.child.pid!);
    // With process ids of its own a decoder is the child of the command that made them.
    const decoders = children.flatMap((pid) => [pid, ...childrenOf(pid)]);
    expect(decoders.length).toBeGreaterThan(0);
    let megabytes = 0;
    for (const pid of decoders) {
      for (const piece of memoryOf(pid)) {
        megabytes += piece.length / 1e6;
        expect(found(piece), 'memory of the decoder').toEqual([]);
      }
    }
    expect(megabytes).toBeGreaterThan(50);
    // The service itself has them in memory: the search can find them.
    expect([...memoryOf(service.child.pid!)].some((piece) => found(piece).length > 0)).toBe(true);

    expect(await zeef('ledger', 'backup', join(dataDir, 'backup.sqlite'))).toBe(0);
    expect(await zeef('ledger', 'verify')).toBe(0);
    expect(await zeef('report', '--period', String(year))).toBe(0);
    expect(await zeef('lists', 'rotate-key')).toBe(0);
    expect(await zeef('lists', 'export')).toBe(0);
    expect(await ask('POST', '/v1/check', bytes, 'image/jpeg')).toBe(200);
    // The process aborts.
    await service.end('SIGABRT');
    printed.serve = service.output();
    // The digests of a hit are those of the client's own file: they are returned, and nothing else is.
    const toldBack = (what: string, output: Buffer) =>
      what.includes('/v1/hits')
        ? Buffer.from(output.toString('latin1').replace(/"digests":\{[^}]*\}/g, ''), 'latin1')
        : output;
    for (const [what, output] of Object.entries({ ...printed, ...answers }))
      expect(found(toldBack(what, output)), what).toEqual([]);
    expect(foundIn(dataDir)).toEqual([]);
    expect(foundIn(folder).filter((where) => !where.startsWith(source))).toEqual([]);
  },
  RUN_MS,
);

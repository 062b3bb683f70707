import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const RANK: Record<string, number> = {
  core: 0,
  kernels: 1,
  config: 1,
  telemetry: 1,
  vault: 1,
  hashlists: 1,
  decode: 2,
  index: 2,
  store: 2,
  engine: 3,
  ledger: 3,
  audit: 3,
  duties: 3,
  sqlite: 3,
  postgres: 3,
  blobs: 3,
  lists: 4,
  reports: 4,
  check: 5,
  cases: 5,
  tenants: 6,
  urls: 6,
  scan: 6,
  service: 7,
  http: 8,
  cli: 8,
  // Code for browsers and for other programs: it imports no other room, and none imports it.
  client: 9,
  dashboard: 9,
};

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** Return the rooms that a file imports or re-exports, resolved against its own folder. */
function importedRooms(file: string): string[] {
  const text = readFileSync(join('src', file), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g)].flatMap(([, target]) => {
    const [room, rest] = normalize(join(dirname(file), target!)).split('/');
    return room && rest ? [room] : [];
  });
}

test('a room imports only from rooms of a lower rank', () => {
  const upward: string[] = [];
  for (const file of sources) {
    const [room, rest] = file.split('/');
    if (!room || !rest) continue;
    expect(RANK, `give src/${room} a rank`).toHaveProperty(room);
    for (const target of importedRooms(file)) {
      if (target !== room && RANK[target]! >= RANK[room]!) upward.push(`${file} -> ${target}`);
    }
  }
  expect(upward).toEqual([]);
});

/** Packages that decode images. */
const DECODERS = /^(?:sharp|@julusian\/jpeg-turbo|libheif-js|@imagemagick\/magick-wasm|@jsquash\/jxl)/;

test('only the decoder process loads decoders of images: no other file imports one, by any number of files between', () => {
  const imports = (file: string): string[] =>
    // Types are gone at run time.
    [...readFileSync(join('src', file), 'utf8').matchAll(/^(?:import|export) (?!type )[^;]*?from\s*'([^']+)'/gm)].map(
      ([, target]) =>
        target!.startsWith('.') ? normalize(join(dirname(file), target!)).replace(/\.js$/, '.ts') : target!,
    );
  const reached = (file: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(file)) return seen;
    seen.add(file);
    if (sources.includes(file)) for (const target of imports(file)) reached(target, seen);
    return seen;
  };
  const decodersOf = (file: string) => [...reached(file)].filter((target) => DECODERS.test(target));
  expect(decodersOf('engine/worker.ts')).toEqual(expect.arrayContaining(['sharp', '@julusian/jpeg-turbo']));
  const others = sources.filter((file) => !/^decode\/|^engine\/worker\.ts$/.test(file));
  expect(others.filter((file) => decodersOf(file).length > 0)).toEqual([]);
});

test('only the entries of processes touch process.env, process.argv or process.exit', () => {
  const ENTRIES = [
    'main.ts',
    'healthcheck.ts',
    'engine/decoder-main.ts',
    'scan/walk/count-main.ts',
    'scan/walk/walk-main.ts',
  ];
  const offenders = sources.filter(
    (file) => !ENTRIES.includes(file) && /process\.(env|argv|exit)\b/.test(readFileSync(join('src', file), 'utf8')),
  );
  expect(offenders).toEqual([]);
});

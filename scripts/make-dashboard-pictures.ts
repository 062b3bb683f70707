/**
 * Makes docs/dashboard-light.png and -dark.png: the dashboard over thirty days of seeded, made-up checks, recorded
 * through the ledger with a simulated clock. `npm run pictures [FOLDER]`: with a folder, also narrow and full-length
 * screenshots.
 */
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { seeded } from '../bench/pdq-like.js';
import { beginTempRun } from '../bench/temp-folder.js';
import { readConfig } from '../src/config/read-config.js';
import type { Match } from '../src/core/match-types.js';
import { PACKAGE_ROOT } from '../src/core/package-root.js';
import { NOT_CHECKED_REASONS } from '../src/core/vocabulary.js';
import { createServer } from '../src/http/server.js';
import type { Outcome } from '../src/ledger/outcome.js';
import { createService, type Service } from '../src/service/service.js';
import { createLogger } from '../src/telemetry/log.js';

const HOUR_MS = 3_600_000;
const DAYS = 30;
const random = seeded(2020);
const below = (count: number) => Math.floor(random() * count);
const hex = (bytes: number) => Array.from({ length: bytes * 2 }, () => below(16).toString(16)).join('');

/** `share`: relative number of checks; `hours`: mean time to decide a case; `lazy`: share of cases never decided. */
const TENANTS = [
  { tenant: 'harbour-hosting', share: 1, hours: 3, lazy: 0 },
  { tenant: 'polder-cloud', share: 0.55, hours: 6, lazy: 0 },
  { tenant: 'noordzee-media', share: 0.3, hours: 9, lazy: 0.01 },
  { tenant: 'delta-storage', share: 0.08, hours: 2, lazy: 0 },
] as const;
const LISTS = [
  { list: 'hotline', category: 'A1', entries: 4_200 },
  { list: 'police', category: 'B2', entries: 1_800 },
  { list: 'desk', category: null, entries: 240 },
] as const;
const NAMES = [
  () => `bucket-${below(9)}/holiday/${String(below(9_999)).padStart(4, '0')}.jpg`,
  () => `https://img.polder.example/u/${below(90_000)}/${below(99)}.webp`,
  () => `vol${below(5)}/inbox/IMG_2026${String(below(9_999)).padStart(4, '0')}.heic`,
  () => `users/${below(90_000)}/avatar.png`,
];

async function importLists(service: Service): Promise<void> {
  const { lists } = service.store;
  for (const { list, category, entries } of LISTS) {
    await lists.createList({ list, kind: 'match', radiusBits: 31 });
    // A held version reads its rows twice.
    const rows = (count: number) => {
      const made = Array.from({ length: count }, (_, at) => {
        const entry = { entryId: `e-${at + 1}`, algorithm: 'sha1' as const, value: hex(20), category };
        const rest = { severity: null, source: list, mediaType: null, status: 'active' as const, updatedAt: null };
        return { ok: true as const, line: at + 1, entry: { ...entry, ...rest, tags: [], notes: {} } };
      });
      return { [Symbol.asyncIterator]: () => Readable.from(made)[Symbol.asyncIterator]() };
    };
    await lists.replaceEntries(list, rows(entries));
    if (list === 'police') await lists.changeEntries(list, { entryId: 'e-17' }, 'quarantine');
    const review = () => [{ rule: 'change' as const, count: entries, limit: 20 }];
    if (list === 'desk') await lists.replaceEntries(list, rows(9), { review });
  }
  await service.reload();
}

function matchOf(): Match {
  const { list, category, entries } = LISTS[below(10) < 7 ? 0 : 1 + below(2)]!;
  const isExact = below(3) > 0;
  const how = isExact ? { distance: 0, radius: 0 } : { distance: 2 * (1 + below(14)), radius: 31 };
  return {
    ...{ list, category, entryId: `e-${1 + below(entries)}`, algorithm: isExact ? 'sha1' : 'pdq', ...how },
    ...{ matchType: isExact ? 'exact' : 'near', orientation: 'original', family: 'resized', frame: 0 },
    ...{
      background: null,
      window: null,
      derived: null,
      part: null,
      severity: null,
      source: list,
      suppressed: false,
      quarantined: false,
    },
  };
}

function outcome(match: Match | null, reference: string, fileId: string, reason: Outcome['reason'] = null): Outcome {
  const verdict = match ? 'match' : 'not_checked';
  const matches = match ? [match] : [];
  return {
    kind: 'image',
    verdict,
    reason,
    matches,
    reference,
    fileId,
    digests: { sha256: fileId },
    generation: 1,
    checkId: null,
  };
}

/** Record a tenant's checks of one hour with their outcomes. */
async function ask(service: Service, at: number, { tenant, share }: (typeof TENANTS)[number]) {
  const weekend = [0, 6].includes(new Date(at).getUTCDay()) ? 0.72 : 1;
  const day = weekend * (0.8 + 0.25 * Math.sin((at / (24 * HOUR_MS)) * 2 * Math.PI) + 0.4 * random());
  const outcomes = Array.from({ length: below(3 + 5 * share) }, () => outcome(matchOf(), NAMES[below(4)]!(), hex(32)));
  for (let broken = below(6 * share); broken > 0; broken--) {
    // Some reasons are much more common than others.
    const reason = NOT_CHECKED_REASONS[Math.floor(NOT_CHECKED_REASONS.length * random() ** 2.2)]!;
    outcomes.push(outcome(null, 'x', hex(32), reason));
  }
  await service.ledger.record({ tenant, outcomes, unmatched: Math.round(9_000 * share * day), idempotency: null });
}

/** Record a tenant's decisions about its cases. */
async function decide(service: Service, { tenant, hours, lazy }: (typeof TENANTS)[number]) {
  for (const status of ['open', 'notified'] as const) {
    const { hits } = await service.ledger.hits({ tenant, status, limit: 60 });
    for (const hit of hits) {
      const isLazy = Number.parseInt(hit.id.slice(-3), 36) % 100 < lazy * 100;
      const change = { note: null, by: `${tenant}-desk` };
      if (status === 'open' && random() < 0.25)
        await service.ledger.changeHit(tenant, hit.id, { status: 'notified', ...change });
      else if (!isLazy && random() < 1 / hours) {
        const isFalse = random() < 0.03;
        await service.ledger.changeHit(tenant, hit.id, { status: isFalse ? 'false_positive' : 'removed', ...change });
      }
    }
  }
}

const shots = process.argv[2];
let clockMs: number | null = Date.now() - DAYS * 24 * HOUR_MS;
const nowMs = () => clockMs ?? Date.now();
const clock = { nowMs, monotonicMs: nowMs };
const { folder: dataDir } = beginTempRun();
const config = readConfig({ env: {}, flags: { dataDir, port: '0', logLevel: 'silent' } });
const log = createLogger(config.logLevel);
const service = await createService(config, { log, clock });
await importLists(service);
for (let at = Date.now() - DAYS * 24 * HOUR_MS; at < Date.now() - HOUR_MS / 2; at += HOUR_MS) {
  clockMs = at;
  await Promise.all(TENANTS.map((tenant) => ask(service, at, tenant)));
  clockMs = at + below(HOUR_MS / 2);
  await Promise.all(TENANTS.map((tenant) => decide(service, tenant)));
}
for (clockMs = Date.now() - HOUR_MS; clockMs < Date.now(); clockMs += 10_000) {
  const wave = Math.sin(clockMs / 600_000);
  service.metrics.add(
    'zeef_checks_total',
    { kind: 'image', verdict: 'no_match' },
    Math.round(2_300 + 300 * wave + 200 * random()) * 10,
  );
  for (let asked = 0; asked < 200; asked++) {
    const seconds = 0.002 + 0.002 * random() + (random() > 0.97 ? 0.03 * random() : 0.004 * random() ** 4);
    service.metrics.observeSeconds('zeef_http_request_seconds', { route: '/v1/check', method: 'POST' }, seconds);
  }
}
clockMs = null;
const server = await createServer(service, log);
const url = await server.listen({ host: '127.0.0.1', port: 0 });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
for (const theme of ['light', 'dark'] as const) {
  for (const width of shots === undefined ? [1280] : [1280, 390]) {
    const page = await browser.newPage({
      viewport: { width, height: 900 },
      colorScheme: theme,
      reducedMotion: 'reduce',
    });
    await page.goto(`${url}/dashboard`);
    await page.waitForSelector('html[data-loaded="yes"]');
    await page.waitForTimeout(500);
    const name = shots === undefined ? `dashboard-${theme}` : `${theme}-${width}`;
    const path = join(shots ?? join(PACKAGE_ROOT, 'docs'), `${name}.png`);
    const picture = await page.screenshot({ fullPage: shots !== undefined });
    // A palette suffices for a page of few colours, with a third of the bytes.
    await sharp(picture).png({ palette: true, compressionLevel: 9, effort: 10 }).toFile(path);
    await page.close();
  }
}
await browser.close();
await server.close();
await service.close();

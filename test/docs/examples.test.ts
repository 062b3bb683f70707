/** Examples that no command on a page prints are compared with what Zeef makes. */

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openOwnBlobs } from '../../src/blobs/open-blobs.js';
import { type HitFacts, newsEvent, overdueEvents } from '../../src/cases/webhooks/events.js';
import { indexBlobs } from '../../src/lists/index-blobs.js';
import { openStream } from '../../src/vault/sealed-stream.js';
import { startService } from '../support/running.js';
import { blocksOf } from './blocks.js';

const exampleOf = (page: string, begin: string) =>
  JSON.parse(blocksOf(page).find(({ language, text }) => language === 'json' && text.startsWith(begin))!.text);

/** Return the names of the fields, in their order, with types instead of values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

test('the webhook events in docs/keys.md are those that are sent', () => {
  const fresh = exampleOf('docs/keys.md', '{ "event": "hit.new"');
  const overdue = exampleOf('docs/keys.md', '{ "event": "case.overdue"');
  const clock = (startedAt: string, deadlines: HitFacts['clock']['deadlines']) => ({
    startedAt,
    stoppedAt: null,
    deadlines,
  });
  const told = { ...fresh.hit, quarantined: false, clock: clock(fresh.hit.firstSeenAt, []) };
  const news = { id: '1', kind: 'new', tenant: told.tenant, hitId: told.id, atMs: 0 } as const;
  expect(JSON.parse(newsEvent(news, told).body)).toEqual(fresh);
  const { hours, dueAt, startedAt } = overdue.deadline;
  const late = { ...overdue.hit, quarantined: false, clock: clock(startedAt, [{ hours, dueAt, met: false }]) };
  const [event] = overdueEvents(late, Date.parse(dueAt) + 1);
  expect(JSON.parse(event!.body)).toEqual(overdue);
  expect(Date.parse(dueAt) - Date.parse(startedAt)).toBe(hours * 3_600_000);
});

test('the header in docs/index-format.md has the fields of an index file', async () => {
  const running = await startService();
  try {
    await running.service.exportIndex();
    const blobs = openOwnBlobs(join(running.service.config.dataDir, 'blobs'));
    const [file] = await indexBlobs(blobs);
    const pieces: Buffer[] = [];
    for await (const piece of openStream(running.service.store.vault, await blobs.get(file!.name)))
      pieces.push(Buffer.from(piece));
    const bytes = Buffer.concat(pieces);
    const header = JSON.parse(bytes.subarray(16, 16 + bytes.readUInt32LE(8)).toString());
    expect(shapeOf(header)).toEqual(shapeOf(exampleOf('docs/index-format.md', '{ "position"')));
  } finally {
    await running.stop();
  }
});

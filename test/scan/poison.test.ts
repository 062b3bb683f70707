import { copyFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runScan } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import type { FileResult } from '../../src/scan/facts/file-result.js';
import { bootId } from '../../src/scan/poison.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import { PHOTOGRAPHS, type Running, startService } from '../support/running.js';

let running: Running;
let work: string;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());
beforeEach(() => {
  work = tempFolder('poison');
  copyFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'), join(work, 'one.jpg'));
  copyFileSync(join(PHOTOGRAPHS, 'mate-garden.jpg'), join(work, 'two.jpg'));
});

/** Make the inventory of a process that died with a file in flight. */
async function endedWith(name: string, aloneTries: number, boot: string): Promise<void> {
  const inventory = await openSqliteInventory(`${work}-inventory`);
  const { id } = await inventory.folderAt(work);
  const [place] = await inventory.find(await inventory.firstKey(id), [name]);
  await inventory.apply({ begun: [{ fileKey: place!.fileKey, folderId: id, name, aloneTries }] });
  await inventory.setBoot(boot);
  await inventory.close();
}

async function scanned() {
  const told: FileResult[] = [];
  const summary = await runScan(running.service, work, {
    inventory: `${work}-inventory`,
    onResult: (result) => told.push(result),
  });
  const inventory = await openSqliteInventory(`${work}-inventory`);
  const inFlight = await inventory.inFlight();
  await inventory.close();
  return { summary, told, inFlight };
}

test('a file that was in flight is retried alone, and is as any other where it does no harm', async () => {
  await endedWith('one.jpg', 0, bootId());
  const { summary, inFlight } = await scanned();
  expect(summary).toMatchObject({ files: 2, byVerdict: { no_match: 2, not_checked: 0 } });
  expect(inFlight).toEqual([]);
});

test.each([
  ['a file in flight twice alone is not opened again', 2, bootId(), true],
  ['a file in flight once alone is retried', 1, bootId(), false],
  ['a file in flight once alone, before a reboot, is not opened again', 1, 'another start', true],
  ['a file in flight with others, before a reboot, is retried', 0, 'another start', false],
])('%s', async (_name, aloneTries, boot, isCondemned) => {
  await endedWith('one.jpg', aloneTries, boot);
  const { summary, told, inFlight } = await scanned();
  expect(summary.byVerdict).toMatchObject(isCondemned ? { no_match: 1, not_checked: 1 } : { no_match: 2 });
  expect(inFlight).toEqual([]);
  if (!isCondemned) return;
  expect(told).toMatchObject([{ reason: 'decoder_crash', pathBytes: join(work, 'one.jpg'), bytesRead: null }]);
  // The next scan does not open it either, until it changes.
  expect((await scanned()).summary).toMatchObject({ bytesRead: 0, byReason: { decoder_crash: 1 } });
  utimesSync(join(work, 'one.jpg'), new Date(), new Date(0));
  expect((await scanned()).summary.byVerdict).toMatchObject({ no_match: 2, not_checked: 0 });
});

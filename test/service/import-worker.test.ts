/** The thread of an import says what it has read: bytes and rows, and at their end all of them. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { readConfig } from '../../src/config/read-config.js';
import type { ImportRead } from '../../src/lists/import/import-task.js';
import { createImportThread } from '../../src/service/import-thread.js';
import { storePlaceOf } from '../../src/service/open-stores.js';

const ROWS = 120_000;

test('bytes and rows come while they are read, rejected ones too', async () => {
  const dataDir = tempFolder('import-worker');
  const file = join(dataDir, 'list.txt');
  const rows = Array.from({ length: ROWS }, (_, n) => `md5 ${n === 7 ? 'x' : (n + 1).toString(16).padStart(32, '0')}`);
  writeFileSync(file, rows.join('\n'));
  const thread = createImportThread(storePlaceOf(readConfig({ env: {}, flags: { dataDir } }), {}));
  const { port1, port2 } = new MessageChannel();
  const read: ImportRead[] = [];
  port1.on('message', (message: ImportRead) => read.push(message));
  const request = { paths: [file], list: 'own', format: 'plain', kind: 'match', radiusBits: 31 } as const;
  expect(await thread.run(request, port2)).toMatchObject({ ok: true, report: { accepted: ROWS - 1, rejected: 1 } });
  await expect.poll(() => read.at(-1)).toEqual({ bytesDone: statSync(file).size, rowsRead: ROWS });
  expect(read.length).toBeGreaterThan(10);
  for (const name of ['bytesDone', 'rowsRead'] as const) {
    const values = read.map((one) => one[name]);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  }
  port1.close();
  await thread.close();
});

/** A command that reads many entries leaves an index file, so that the next one starts without reading them. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { run } from '../support/processes.js';
import { PHOTOGRAPHS } from '../support/running.js';

test('the first check of a long list writes it, and the second one reads it; of a short list there is none', {
  timeout: 120_000,
}, async () => {
  const data = tempFolder('index-file-data');
  const env = { ZEEF_DATA_DIR: data, ZEEF_LOG_LEVEL: 'info' };
  const filesOf = () => readdirSync(join(data, 'blobs')).filter((name) => name.startsWith('index'));
  const imported = async (name: string, entries: number) => {
    const values = pdqLike(entries, entries);
    const hex = Array.from({ length: entries }, (_, at) =>
      Buffer.from(values.subarray(at * 32, at * 32 + 32)).toString('hex'),
    );
    const list = join(tempFolder('index-file-list'), 'list.txt');
    writeFileSync(list, `${hex.join('\n')}\n`);
    expect((await run(env, 'lists', 'import', list, '--list', name, '--algorithm', 'pdq')).code).toBe(0);
  };
  const check = () => run(env, 'check', join(PHOTOGRAPHS, 'mate-dune.jpg'));

  await imported('short', 1_000);
  expect(await check()).toMatchObject({ code: 0 });
  expect(filesOf()).toEqual([]);
  await imported('long', 66_000);
  const first = await check();
  expect(first.code).toBe(0);
  expect(first.err).toContain('index file written');
  const written = filesOf();
  expect(written).toHaveLength(1);
  const second = await check();
  expect(second).toMatchObject({ code: 0, out: first.out });
  expect(second.err).toContain('index file read');
  expect(second.err).not.toContain('index file written');
  expect(filesOf()).toEqual(written);
});

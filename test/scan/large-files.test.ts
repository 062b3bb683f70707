/** The size limit is for decoding: a listed digest is found in files of any size, wherever they are. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runScan } from '../../bench/scan-run.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { shownPath } from '../../src/core/path-bytes.js';
import { importList } from '../../src/lists/import/import-list.js';
import type { FileResult } from '../../src/scan/facts/file-result.js';
import { VIDEOS } from '../support/magic-samples.js';
import { PICTURES, type Running, startService } from '../support/running.js';
import { zipOf } from '../support/zip.js';

/** Bytes that do not compress by 200, so that no archive of them is a bomb. */
const noise = Buffer.from(Array.from({ length: 1_500_000 }, (_, at) => (at * 7_919) >> 5));
const image = Buffer.concat([readFileSync(join(PICTURES, 'mate-freshflower.jpg')), noise]);
const video = Buffer.concat([VIDEOS.mp4!, noise]);
const text = Buffer.from('a text that a list holds');
const unlisted = Buffer.concat([image, Buffer.from('x')]);
const unlistedVideo = Buffer.concat([video, Buffer.from('x')]);

let running: Running;
let work: string;
beforeAll(async () => {
  running = await startService({ imageBytesMax: '1000000' });
  const list = join(tempFolder('digests'), 'md5.txt');
  const digests = [image, video, text].map((bytes) => createHash('md5').update(bytes).digest('hex'));
  writeFileSync(list, digests.join('\n'));
  const { store } = running.service;
  await importList(store, { paths: [list], list: 'large', format: 'plain', kind: 'match', radiusBits: 31 });
  await running.service.reload();
});
afterAll(() => running.stop());
beforeEach(() => {
  work = tempFolder('large-files');
});

async function tarOf(name: string, content: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name }, content);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function scanned(digestsAll: boolean) {
  const results: FileResult[] = [];
  const summary = await runScan(running.service, work, {
    inventory: `${work}-inventory`,
    onResult: (result) => results.push(result),
    request: { archives: true, digestsAll },
  });
  const lines = results.map(({ pathBytes, verdict, reason }) =>
    [shownPath(pathBytes).slice(work.length + 1), verdict, reason].filter(Boolean).join(' '),
  );
  return { summary, lines: lines.sort() };
}

test('in a scan: images always, other files with their digests requested, alone and in archives', async () => {
  const write = (name: string, bytes: Buffer) => writeFileSync(join(work, name), bytes);
  write('image', image);
  write('unlisted', unlisted);
  write('video', video);
  write('unlisted-video', unlistedVideo);
  write('text', text);
  const named = (name: string, content: Buffer) => ({ name: Buffer.from(name), content });
  write('box.zip', zipOf([named('image', image), named('video', video), named('text', text)]));
  write('box.tar', await tarOf('image', image));
  write('box.tgz', gzipSync(await tarOf('video', video)));
  write('image.gz', gzipSync(image));
  const images = [
    'box.tar!/image match too_large',
    'box.zip!/image match too_large',
    'image match too_large',
    'image.gz!/image match too_large',
    'unlisted not_checked too_large',
  ];
  expect(await scanned(false)).toMatchObject({
    lines: images,
    summary: { notImages: { video: 4, archive: 4, other: 2 } },
  });
  const others = ['box.tgz!/video', 'box.zip!/text', 'box.zip!/video', 'text', 'video'].map(
    (name) => `${name} match not_an_image`,
  );
  const all = await scanned(true);
  expect(all).toMatchObject({
    lines: [...images, ...others].sort(),
    summary: { notImages: { video: 1, archive: 4, other: 0 } },
  });
  const again = await scanned(true);
  expect(again.lines).toEqual(all.lines);
  expect(again.summary.fromInventory).toBe(all.summary.files);
});

test('over HTTP: a file of a multipart body, and the bytes behind the limit are not kept', async () => {
  const post = async (headers: Record<string, string>, ...files: readonly Buffer[]) => {
    const form = new FormData();
    for (const [at, bytes] of files.entries()) form.append(`f${at}`, new Blob([new Uint8Array(bytes)]), `file-${at}`);
    const answer = await fetch(`${running.url}/v1/check`, { method: 'POST', body: form, headers });
    return [answer.status, await answer.json()] as const;
  };
  const [status, { results }] = await post({}, image, unlisted, text);
  expect(status).toBe(200);
  expect(results).toMatchObject([
    { verdict: 'match', reason: 'too_large', matches: [{ list: 'large', algorithm: 'md5' }] },
    { verdict: 'not_checked', reason: 'too_large', matches: [] },
    { verdict: 'match', reason: 'not_an_image' },
  ]);
  // The fingerprint of a request is of all its bytes, also of those that are only digested.
  const key = { 'idempotency-key': 'large' };
  expect((await post(key, unlisted))[0]).toBe(200);
  expect((await post(key, unlisted))[0]).toBe(200);
  expect(await post(key, image)).toMatchObject([422, { code: 'IDEMPOTENCY_KEY_REUSED' }]);
});

test('from the command line: a path that the decoder process reads', async () => {
  const path = join(work, 'image');
  writeFileSync(path, image);
  const options = {
    orientations: 'all',
    lists: null,
    requestedRadiusBits: null,
    frames: 1,
    detail: 'plain',
    digests: [],
  } as const;
  const checked = await running.service.checkImage({ path }, { ...options, reference: null, tenant: 'local' });
  expect(checked).toMatchObject({ verdict: 'match', reason: 'too_large' });
});

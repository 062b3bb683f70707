/** The programs of docs/integrations.md by `zeef/client`: the hook, and the function for events of S3 before a bucket. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { FakeS3 } from '../support/fake-s3.js';
import { run, type Serving, serve } from '../support/processes.js';
import { blocksOf } from './blocks.js';

const LISTED = 'hashlists/sample/pictures/mate-freshflower.jpg';
const OTHER = 'test/fixtures/photographs/mate-dune.jpg';
const folder = tempFolder('docs-client');
const env = { ZEEF_DATA_DIR: join(folder, 'data'), ZEEF_LOG_LEVEL: 'error' };
const PROGRAMS = { hook: 'export async function verdictOf', events: 'export async function decide' } as const;
const CALLS = {
  hook: "import { readFileSync } from 'node:fs';\nconst said = await verdictOf(readFileSync(process.argv[2]!), 'an id');",
  events: 'const said = await decide(JSON.parse(process.argv[2]!));',
} as const;

let service: Serving;
let bucket: FakeS3;
let key: string;

beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  for (const name of ['aws4fetch', '@types/node'])
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(resolve('.'), join(folder, 'node_modules/zeef'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [name, text] of Object.entries(PROGRAMS)) {
    const [block, ...more] = blocksOf('docs/integrations.md').filter((each) => each.text.includes(text));
    expect(more).toEqual([]);
    const call = CALLS[name as keyof typeof CALLS];
    writeFileSync(join(folder, `${name}.ts`), `${block!.text}\n${call}\nconsole.log(JSON.stringify(said));\n`);
  }
  key = (await run(env, 'keys', 'create', '--tenant', 'forum', '--scopes', 'check')).out.trim();
  service = await serve(env, '--sample');
  bucket = await FakeS3.start();
  bucket.takesUnsigned = true;
});
afterAll(async () => {
  await service.end('SIGTERM');
  await bucket.stop();
});

test('they have no type fault, strictly', () => {
  const compilerOptions = { strict: true, target: 'ES2023', module: 'NodeNext', types: ['node'], skipLibCheck: true };
  const config = { compilerOptions, files: Object.keys(PROGRAMS).map((name) => `${name}.ts`) };
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
  const program = ts.createProgram(fileNames, options);
  program.emit();
  const faults = ts.getPreEmitDiagnostics(program);
  expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});

async function said(program: keyof typeof PROGRAMS, argument: string, more: Record<string, string> = {}) {
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, `${program}.js`), argument], {
    env: childEnv({ CHECK_URL: service.url, CHECK_KEY: key, ...bucket.env, ...more }),
  });
  return JSON.parse(stdout);
}

test('the hook accepts what is on no list, refuses what is, and neither without a verdict', async () => {
  expect(await said('hook', OTHER)).toBe('accept');
  expect(await said('hook', LISTED)).toBe('refuse');
  expect(await said('hook', 'package.json')).toBe('later');
  expect(await said('hook', OTHER, { CHECK_KEY: 'zeef_wrong' })).toBe('later');
  expect(await said('hook', OTHER, { CHECK_URL: 'http://127.0.0.1:9' })).toBe('later');
});

describe('the function for events of S3', () => {
  /** Store an object. Result: its record in an event. */
  function put(name: string, file: string, eventName = 'ObjectCreated:Put') {
    bucket.plant(name, readFileSync(file));
    const eTag = bucket.objects.get(name)!.etag.replaceAll('"', '');
    const object = { key: encodeURIComponent(name).replaceAll('%20', '+').replaceAll('%2F', '/'), size: 1, eTag };
    const bucketOf = { name: bucket.place.split('/')[2]!, arn: 'arn:aws:s3:::a' };
    return { eventVersion: '2.1', eventSource: 'aws:s3', eventName, s3: { bucket: bucketOf, object } };
  }
  const decisionsOf = async (event: object, more?: Record<string, string>) =>
    (await said('events', JSON.stringify(event), more)).map(({ decision }: { decision: string }) => decision);

  test('decides for each object that was put, by its verdict; one that vanished, or was replaced, is gone', async () => {
    const records = [
      put('uploads/a.jpg', OTHER),
      put("uploads/b c+d/ë & 'é' (1).jpg", LISTED, 's3:ObjectCreated:CompleteMultipartUpload'),
      put('uploads/c.json', 'package.json', 'ObjectCreated:Copy'),
      put('uploads/d.jpg', OTHER, 'ObjectRemoved:Delete'),
      put('uploads/vanished.jpg', OTHER),
      put('uploads/replaced.jpg', OTHER),
    ];
    bucket.objects.delete('uploads/vanished.jpg');
    put('uploads/replaced.jpg', LISTED);
    bucket.asked.length = 0;
    const decided = await said('events', JSON.stringify({ Records: records }));
    const kept = records.filter(({ eventName }) => eventName !== 'ObjectRemoved:Delete');
    const decisions = ['serve', 'block', 'later', 'gone', 'gone'];
    expect(decided).toEqual(kept.map((record, at) => ({ record, decision: decisions[at] })));
    expect(bucket.asked).toContain("GetObject uploads/b c+d/ë & 'é' (1).jpg");
    const hits = (await run(env, 'hits', 'list', '--json')).out.trim().split('\n');
    expect(hits.map((line) => JSON.parse(line).reference)).toContain("s3://zeef-test/uploads/b c+d/ë & 'é' (1).jpg");
    expect(await decisionsOf({ Service: 'Amazon S3', Event: 's3:TestEvent' })).toEqual([]);
  });

  test('serves nothing that it could not fetch whole, or that no service checked', async () => {
    const record = put('uploads/a.jpg', OTHER);
    const event = { Records: [record, { ...record, s3: { ...record.s3, object: { key: '%E0', eTag: 'a' } } }] };
    expect(await decisionsOf(event)).toEqual(['serve', 'later']);
    for (const fault of [
      { does: 'error', status: 403, code: 'AccessDenied' },
      { does: 'cut', bytes: 1_000 },
      { does: 'error', status: 500, code: 'InternalError' },
    ] as const) {
      bucket.always.push({ of: 'GetObject', ...fault });
      expect(await decisionsOf({ Records: [record] }), fault.does).toEqual(['later']);
      bucket.always.length = 0;
    }
    for (const more of [
      { AWS_SECRET_ACCESS_KEY: 'wrong' },
      { CHECK_KEY: 'zeef_wrong' },
      { CHECK_URL: 'http://127.0.0.1:9' },
    ])
      expect(await decisionsOf({ Records: [record] }, more)).toEqual(['later']);
    const traversal = put('uploads/e.jpg', LISTED);
    const { eTag } = traversal.s3.object;
    const object = { key: 'uploads/x/../e.jpg', eTag };
    expect(await decisionsOf({ Records: [{ ...traversal, s3: { ...traversal.s3, object } }] })).not.toContain('serve');
  });
});

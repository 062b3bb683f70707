/** A tree that changes while it is scanned: nothing outside of it is read, and no pipe is waited for. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { ScanTree } from '../support/scan-tree.js';
import { zipOf } from '../support/zip.js';

let tree: ScanTree;
beforeEach(async () => {
  tree = await ScanTree.create();
});
afterEach(() => tree.close());
const at = (name: string) => join(tree.path, name);

test('a folder that is replaced by a link after it was listed: no file behind the link is read', async () => {
  const outside = tempFolder('outside');
  mkdirSync(at('deep'));
  for (let n = 0; n < 1_500; n++) {
    tree.write(`deep/f${n}.jpg`, 'c');
    writeFileSync(join(outside, `f${n}.jpg`), Buffer.from([0xff, 0xd8, 0xff, 0xe0, 'a'.charCodeAt(0)]));
  }
  let isSwapped = false;
  const { reported, tally } = await tree.scan({
    during: () => {
      if (isSwapped) return;
      isSwapped = true;
      renameSync(at('deep'), at('moved'));
      symlinkSync(outside, at('deep'));
    },
  });
  // Those outside would match; those that were not read in time are lines.
  expect(reported.filter((line) => line.includes(' match'))).toEqual([]);
  expect(reported.length).toBeGreaterThan(1_000);
  expect(tally.byVerdict.not_checked).toBe(reported.length);
});

test('a pipe that appears in the place of an archive or of an image is not waited for', async () => {
  const image = { name: Buffer.from('in.jpg'), content: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 'c'.charCodeAt(0)]) };
  tree.write('a.jpg', 'c');
  tree.write('b.jpg', 'c');
  writeFileSync(at('box.zip'), zipOf([image]));
  const { reported } = await tree.scan({
    request: { archives: true },
    during: (name) => {
      if (name !== 'a.jpg') return;
      for (const pipe of ['b.jpg', 'box.zip']) {
        rmSync(at(pipe), { force: true });
        execFileSync('mkfifo', [at(pipe)], { env: childEnv() });
      }
    },
  });
  // Whichever is read first: nothing hangs, and what was replaced in time is a line.
  expect(reported).toContain('box.zip not_checked FILE_CHANGED');
  for (const line of reported) expect(line).toMatch(/^(b\.jpg|box\.zip) not_checked FILE_/);
});

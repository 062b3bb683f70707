/** The program for each hit: arguments that no program can get are a failure of that hit alone. */
import { expect, test } from 'vitest';
import { pathBytesOf } from '../../../src/core/path-bytes.js';
import type { FileResult } from '../../../src/scan/facts/file-result.js';
import { createOnMatch } from '../../../src/scan/report/on-match.js';

test('a key with a zero byte is not passed on, and the other hits are', async () => {
  const failures: string[] = [];
  const onMatch = createOnMatch('true', ['{path}'], (why) => failures.push(why));
  for (const key of ['a', 'b\0c', 'd'])
    onMatch.run({ pathBytes: pathBytesOf(`s3://bucket/${key}`), matches: [], digests: {} } as unknown as FileResult);
  expect(await onMatch.finished()).toEqual({ ran: 2, failed: 1 });
  expect(failures).toEqual(['true: a path with a zero byte; not run for one hit']);
});

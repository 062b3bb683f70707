import { expect, test } from 'vitest';
import { secretFrom } from '../../src/core/secret.js';

test.each([
  ['s3cret', { secret: 's3cret' }],
  [' s3cret\n', { secret: 's3cret' }],
  [undefined, { why: 'environment variable NAME is not set' }],
  [' \n', { why: 'environment variable NAME is not set' }],
  ['s3\ncret', { why: 'environment variable NAME contains a control character' }],
  ['s3\0cret', { why: 'environment variable NAME contains a control character' }],
])('%o', (NAME, read) => expect(secretFrom({ NAME }, 'NAME')).toEqual(read));

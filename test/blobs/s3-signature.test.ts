/** The examples of the Amazon S3 API Reference, "Signature Calculations for the Authorization Header". */
import { expect, test } from 'vitest';
import { signatureOf } from '../support/s3-signature.js';

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const CREDENTIAL = 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request';

test.each([
  [
    'GET',
    '/test.txt',
    { range: 'bytes=0-9' },
    EMPTY,
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'PUT',
    '/test$file.text',
    { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  ['GET', '/?lifecycle', {}, EMPTY, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
  ['GET', '/?max-keys=2&prefix=J', {}, EMPTY, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
])('%s %s', (method, target, more: Record<string, string>, content, signature) => {
  const signed: Record<string, string> = {
    ...more,
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': content,
    'x-amz-date': '20130524T000000Z',
  };
  const authorization = `${CREDENTIAL},SignedHeaders=${Object.keys(signed).sort().join(';')},Signature=?`;
  expect(signatureOf({ method, target, headers: { ...signed, authorization } }, SECRET)).toBe(signature);
});

/**
 * Signature Version 4 of a request with an Authorization header, computed from what has arrived.
 * Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header". Shares no code with the client.
 */
import { createHash, createHmac } from 'node:crypto';

export interface ArrivedRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text, 'utf8').digest();

/** Percent-encode all bytes but the unreserved characters of RFC 3986. */
const uriEncode = (bytes: Buffer, kept = '') =>
  [...bytes]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      const isKept = /[A-Za-z0-9._~-]/.test(char) || kept.includes(char);
      return isKept ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** Decode percent-encoded text to bytes. */
export const uriDecode = (text: string): Buffer =>
  Buffer.concat(
    (text.match(/%[0-9A-Fa-f]{2}|[^%]+|%/g) ?? []).map((piece) =>
      piece.length === 3 && piece.startsWith('%') ? Buffer.from(piece.slice(1), 'hex') : Buffer.from(piece),
    ),
  );

/** Return the parameters of a request's target, in the order of the request. */
export const queryOf = (target: string): [string, string][] =>
  (target.split('?')[1] ?? '')
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', value = ''] = pair.replaceAll('+', '%20').split('=');
      return [uriDecode(name).toString(), uriDecode(value).toString()];
    });

export function signatureOf(request: ArrivedRequest, secret: string): string {
  const { method, target, headers } = request;
  const [, scope = '', names = ''] =
    /Credential=[^/]+\/([^,\s]+),\s*SignedHeaders=([^,\s]+),/.exec(headers.authorization ?? '') ?? [];
  const [date = '', region = '', service = ''] = scope.split('/');
  const query = queryOf(target)
    .map((pair) => pair.map((text) => uriEncode(Buffer.from(text))).join('='))
    .sort();
  const canonical = [
    method,
    uriEncode(uriDecode(target.split('?')[0]!), '/'),
    query.join('&'),
    ...names.split(';').map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const digest = createHash('sha256').update(canonical, 'utf8').digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, digest].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');
  return hmac(key, toSign).toString('hex');
}

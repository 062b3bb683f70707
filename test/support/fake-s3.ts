/**
 * A service like S3 with one bucket, in memory, on loopback: written from the published behaviour of S3 and not from our
 * client. It refuses a request that is not signed right, and fails by a script.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { queryOf, signatureOf, uriDecode } from './s3-signature.js';

const BUCKET = 'zeef-test';
const KEY_ID = 'AKIDFAKE';
const SECRET = 'fake/secret+of=tests';
const TOKEN = 'fake//token==';
const REGION = 'eu-test-1';
const SKEW_MS_MAX = 900_000;
const PARTS_MAX = 10_000;

export type S3Operation =
  | 'ListObjectsV2'
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload';

/** What one response does instead of, or beside, what it should. `bytes`: of the body, that are sent before it. */
export type S3Fault =
  | { readonly does: 'error'; readonly status: number; readonly code?: string; readonly retryAfter?: string }
  | { readonly does: 'error in a 200'; readonly code: string }
  | { readonly does: 'redirect' }
  | { readonly does: 'hang' }
  | { readonly does: 'close' }
  | { readonly does: 'lose the response' }
  | { readonly does: 'cut'; readonly bytes: number }
  | { readonly does: 'stop'; readonly bytes: number }
  | { readonly does: 'shorten'; readonly bytes: number }
  | { readonly does: 'flip'; readonly at: number }
  | { readonly does: 'change the ETag' }
  | { readonly does: 'ignore the range' }
  | { readonly does: 'say no length' }
  | { readonly does: 'answer'; readonly body: string };

interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly modified: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Upload {
  readonly key: string;
  readonly parts: Map<number, { readonly body: Buffer; readonly etag: string }>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const digest = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');
const escapeXml = (text: string) => text.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`);
/** As S3 encodes keys in lists: `+` for a space, and slashes as they are. */
const encodeKey = (key: string) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
const byUtf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const xml = (root: string, children: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${children}</${root}>`,
  ),
});
const error = (status: number, code: string): Answer => ({
  ...xml('Error', `<Code>${code}</Code><Message>The request failed.</Message>`),
  status,
});
const plain = (status: number, headers: Record<string, string> = {}, body: Buffer = Buffer.alloc(0)): Answer => ({
  status,
  headers,
  body,
});

export class FakeS3 {
  readonly place = `s3://${BUCKET}/blobs`;
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();
  /** Operations that arrived, in order. */
  readonly operations: S3Operation[] = [];
  /** The same with their keys. */
  readonly asked: string[] = [];
  /** Faults still to come, each of the next request of its operation. */
  readonly script: (S3Fault & { readonly of: S3Operation; readonly key?: string })[] = [];
  /** Faults of all requests of an operation, or of those for one key. */
  readonly always: (S3Fault & { readonly of: S3Operation; readonly key?: string })[] = [];
  /** Called when a request has arrived whole. */
  onRequest: (operation: S3Operation, key: string) => void = () => {};
  /** Returns the keys of a page of a service that errs. */
  changePage: (keys: string[]) => string[] = (keys) => keys;
  pageKeysMax = 1_000;
  /** What a page says of its end. */
  truncatedText: (isTruncated: boolean) => string = (is) => `<IsTruncated>${is}</IsTruncated>`;
  /** Before each response. */
  delayMs = 0;
  /** Requests that have arrived, and are not answered. */
  running = 0;
  partBytesMin = 5_242_880;
  /** Whether a request may leave its body out of its signature, as S3 allows. */
  takesUnsigned = false;
  #server!: Server;
  #made = 0;

  static async start(): Promise<FakeS3> {
    const fake = new FakeS3();
    fake.#server = createServer((request, response) => void fake.#respond(request, response));
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get env(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: KEY_ID,
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_SESSION_TOKEN: TOKEN,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL: this.origin,
    };
  }

  /** Store an object that another program has put. */
  plant(key: string, body: Buffer): void {
    this.objects.set(key, { body, etag: `"${digest('md5', body)}"`, modified: new Date(), metadata: {} });
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      // The client was killed, or gave up.
      return;
    }
    const body = Buffer.concat(pieces);
    const [path = ''] = request.url!.split('?');
    const query = new Map(queryOf(request.url!));
    const slash = path.indexOf('/', 1);
    const key = slash < 0 ? '' : uriDecode(path.slice(slash + 1)).toString();
    const operation = operationOf(request.method!, key, query);
    if (operation === null) return void send(response, error(501, 'NotImplemented'));
    this.operations.push(operation);
    this.running++;
    response.once('close', () => this.running--);
    this.asked.push(`${operation} ${key}`);
    this.onRequest(operation, key);
    const isIts = (one: { of: S3Operation; key?: string }) =>
      one.of === operation && (one.key === undefined || one.key === key);
    if (this.delayMs > 0) await delay(this.delayMs);
    const next = this.script.findIndex(isIts);
    const fault = next < 0 ? (this.always.find(isIts) ?? null) : this.script.splice(next, 1)[0]!;
    if (fault !== null && this.#failedBefore(fault, response)) return;
    const refusal =
      refusalOf(request, body, this.takesUnsigned) ??
      (path.split('/')[1] === BUCKET ? null : error(404, 'NoSuchBucket'));
    const answer = refusal ?? this.#perform(operation, key, query, request, body, fault);
    if (fault === null) return void send(response, answer, request.method);
    sendFaulty(response, answer, fault);
  }

  /** Return whether the request is not performed. */
  #failedBefore(fault: S3Fault, response: ServerResponse): boolean {
    if (fault.does === 'error') {
      const body = fault.code === undefined ? plain(fault.status) : error(fault.status, fault.code);
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      send(response, { ...body, headers: { ...body.headers, ...headers } });
    } else if (fault.does === 'error in a 200') send(response, { ...error(200, fault.code), status: 200 });
    else if (fault.does === 'redirect')
      send(response, plain(307, { location: `${this.origin}/elsewhere`, 'x-amz-bucket-region': 'eu-test-2' }));
    else if (fault.does === 'answer') send(response, plain(200, {}, Buffer.from(fault.body)));
    else if (fault.does === 'close') response.destroy();
    else return fault.does === 'hang';
    return true;
  }

  #perform(
    operation: S3Operation,
    key: string,
    query: Map<string, string>,
    { headers }: IncomingMessage,
    body: Buffer,
    fault: S3Fault | null,
  ): Answer {
    switch (operation) {
      case 'ListObjectsV2':
        return this.#list(query);
      case 'GetObject':
      case 'HeadObject':
        return readObject(this.objects.get(key), headers, fault?.does === 'ignore the range');
      case 'PutObject':
        this.plant(key, body);
        return plain(200, { etag: this.objects.get(key)!.etag });
      case 'DeleteObject':
        this.objects.delete(key);
        return plain(204);
      case 'CreateMultipartUpload': {
        this.#made++;
        const id = `upload/${this.#made}+=&`;
        this.uploads.set(id, { key, parts: new Map(), metadata: metadataOf(headers) });
        return xml(
          'InitiateMultipartUploadResult',
          `<Key>${escapeXml(key)}</Key><UploadId>${escapeXml(id)}</UploadId>`,
        );
      }
      default:
        return this.#inUpload(operation, key, query, body);
    }
  }

  #inUpload(operation: S3Operation, key: string, query: Map<string, string>, body: Buffer): Answer {
    const id = query.get('uploadId') ?? '';
    const upload = this.uploads.get(id);
    if (upload === undefined || upload.key !== key) return error(404, 'NoSuchUpload');
    if (operation === 'AbortMultipartUpload') {
      this.uploads.delete(id);
      return plain(204);
    }
    if (operation === 'UploadPart') {
      const number = Number(query.get('partNumber'));
      if (!(number >= 1 && number <= PARTS_MAX)) return error(400, 'InvalidArgument');
      const etag = `"${digest('md5', body)}"`;
      upload.parts.set(number, { body, etag });
      return plain(200, { etag });
    }
    const asked = [...body.toString().matchAll(/<Part><PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag><\/Part>/g)];
    if (asked.length === 0) return error(400, 'MalformedXML');
    const parts = asked.map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      return part?.etag === etag!.replaceAll('&quot;', '"') ? part : null;
    });
    if (parts.includes(null)) return error(400, 'InvalidPart');
    if (asked.some(([, number], at) => at > 0 && Number(number) <= Number(asked[at - 1]![1])))
      return error(400, 'InvalidPartOrder');
    if (parts.slice(0, -1).some((part) => part!.body.length < this.partBytesMin)) return error(400, 'EntityTooSmall');
    const whole = Buffer.concat(parts.map((part) => part!.body));
    const sums = Buffer.concat(parts.map((part) => createHash('md5').update(part!.body).digest()));
    const etag = `"${digest('md5', sums)}-${parts.length}"`;
    this.objects.set(key, { body: whole, etag, modified: new Date(), metadata: upload.metadata });
    this.uploads.delete(id);
    // Spaces keep the connection while the object is made.
    const answer = xml('CompleteMultipartUploadResult', `<Key>${escapeXml(key)}</Key><ETag>${escapeXml(etag)}</ETag>`);
    return { ...answer, body: Buffer.from(answer.body.toString().replace('\n', '\n    \n')) };
  }

  #list(query: Map<string, string>): Answer {
    const prefix = query.get('prefix') ?? '';
    const token = query.get('continuation-token');
    const after = token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString();
    const isEncoded = query.get('encoding-type') === 'url';
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && byUtf8(key, after) > 0)
      .sort(byUtf8);
    const page = keys.slice(0, Math.min(this.pageKeysMax, Number(query.get('max-keys') ?? 1_000)));
    const isTruncated = page.length < keys.length;
    const contents = this.changePage(page).map((key) => {
      const { body, etag, modified } = this.objects.get(key)!;
      return [
        `<Contents><Key>${isEncoded ? encodeKey(key) : escapeXml(key)}</Key>`,
        `<LastModified>${modified.toISOString()}</LastModified><ETag>${etag.replaceAll('"', '&quot;')}</ETag>`,
        `<Size>${body.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
      ].join('');
    });
    const next = isTruncated
      ? `<NextContinuationToken>${Buffer.from(page.at(-1)!).toString('base64')}</NextContinuationToken>`
      : '';
    const encoding = isEncoded ? '<EncodingType>url</EncodingType>' : '';
    return xml(
      'ListBucketResult',
      `<Name>${BUCKET}</Name>${encoding}<KeyCount>${page.length}</KeyCount>${this.truncatedText(isTruncated)}${contents.join('')}${next}`,
    );
  }
}

const metadataOf = (headers: IncomingMessage['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (name.startsWith('x-amz-meta-') ? [[name, String(value)]] : [])),
  );

function operationOf(method: string, key: string, query: Map<string, string>): S3Operation | null {
  if (key === '') return method === 'GET' && query.get('list-type') === '2' ? 'ListObjectsV2' : null;
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : null;
  const inUpload = { PUT: 'UploadPart', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' } as const;
  if (query.has('uploadId')) return inUpload[method as keyof typeof inUpload] ?? null;
  const ofObject = { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' } as const;
  return ofObject[method as keyof typeof ofObject] ?? null;
}

/** Return why a request is not authentic, or null. */
function refusalOf(
  { method, url, headers: arrived }: IncomingMessage,
  body: Buffer,
  takesUnsigned: boolean,
): Answer | null {
  const headers = arrived as Record<string, string>;
  const [, id, date, region, names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request,\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    ) ?? [];
  if (signature === undefined) return error(403, 'AccessDenied');
  if (id !== KEY_ID) return error(403, 'InvalidAccessKeyId');
  if (region !== REGION) return error(400, 'AuthorizationHeaderMalformed');
  const signed = names.split(';');
  if (Object.keys(headers).some((name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.includes(name)))
    return error(403, 'AccessDenied');
  const stamp = headers['x-amz-date'] ?? '';
  const atMs = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!stamp.startsWith(date!) || !(Math.abs(Date.now() - atMs) < SKEW_MS_MAX))
    return error(403, 'RequestTimeTooSkewed');
  if (signatureOf({ method: method!, target: url!, headers }, SECRET) !== signature)
    return error(403, 'SignatureDoesNotMatch');
  if (headers['x-amz-security-token'] !== TOKEN) return error(400, 'InvalidToken');
  const isUnsigned = takesUnsigned && headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD';
  if (!isUnsigned && headers['x-amz-content-sha256'] !== digest('sha256', body))
    return error(400, 'XAmzContentSHA256Mismatch');
  return null;
}

function readObject(
  object: StoredObject | undefined,
  { range, 'if-match': ifMatch }: IncomingMessage['headers'],
  ignoresRange: boolean,
): Answer {
  if (object === undefined) return error(404, 'NoSuchKey');
  const { body, etag, modified, metadata } = object;
  if (ifMatch !== undefined && ifMatch !== etag) return error(412, 'PreconditionFailed');
  const headers = { ...metadata, etag, 'last-modified': modified.toUTCString(), 'accept-ranges': 'bytes' };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === undefined || ignoresRange) return plain(200, headers, body);
  const from = Number(first);
  const to = Math.min(last === '' ? Infinity : Number(last), body.length - 1);
  if (from > to) return error(416, 'InvalidRange');
  const ranged = { ...headers, 'content-range': `bytes ${from}-${to}/${body.length}` };
  return plain(206, ranged, body.subarray(from, to + 1));
}

function send(response: ServerResponse, { status, headers, body }: Answer, method?: string): void {
  const hasBody = method !== 'HEAD';
  response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': body.length }) });
  response.end(hasBody && status !== 204 ? body : undefined);
}

/** Return the answer with a fault in it. */
function changedBy(fault: S3Fault, answer: Answer): Answer {
  if (fault.does === 'shorten') return { ...answer, body: answer.body.subarray(0, fault.bytes) };
  if (fault.does === 'change the ETag') return { ...answer, headers: { ...answer.headers, etag: '"changed"' } };
  if (fault.does !== 'flip') return answer;
  const body = Buffer.from(answer.body);
  body[fault.at]! ^= 1;
  return { ...answer, body };
}

function sendFaulty(response: ServerResponse, answer: Answer, fault: S3Fault): void {
  const { status, headers, body } = answer;
  if (fault.does === 'lose the response') response.destroy();
  else if (fault.does === 'cut' || fault.does === 'stop') {
    response.writeHead(status, { ...headers, 'content-length': body.length });
    response.write(body.subarray(0, fault.bytes), () => {
      if (fault.does === 'cut') response.destroy();
    });
  } else if (fault.does === 'say no length') {
    response.writeHead(status, { ...headers, 'transfer-encoding': 'chunked' });
    response.end(body);
  } else send(response, changedBy(fault, answer));
}

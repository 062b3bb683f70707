/** Bodies of requests: media types that a schema of the route does not say, and an example of each. Documentation alone: it validates nothing. */
import { MD5, PDQ, SHA1, SHA256 } from './examples.js';

interface Media {
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly examples?: Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>;
}
interface RequestBody {
  readonly description: string;
  /** False: the body may be left out. */
  readonly required?: false;
  readonly content: Readonly<Record<string, Media>>;
}

/** `format` beside the words of JSON Schema: older tools know a file by it. */
const file = (contentMediaType: string, description: string) => ({
  type: 'string',
  format: 'binary',
  contentMediaType,
  description,
});
const json = (examples: Readonly<Record<string, unknown>>): Readonly<Record<string, Media>> => ({
  'application/json': {
    examples: Object.fromEntries(
      Object.entries(examples).map(([summary, value], at) => [`example${at + 1}`, { summary, value }]),
    ),
  },
});
const text = (description: string, value: string): Media => ({
  // In the schema too: the page takes it from there where an example of another type was chosen before.
  schema: { type: 'string', description, examples: [value] },
  examples: { example1: { value } },
});
const linesOf = (...values: readonly object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');

/** Any format is known by its bytes, whatever its type says. */
const IMAGE = {
  'application/octet-stream': {
    schema: file('application/octet-stream', 'The bytes of an image, or of a PDF, of any format.'),
  },
  ...Object.fromEntries(
    ['jpeg', 'png', 'webp', 'gif', 'avif', 'heic', 'tiff', 'bmp', 'x-icon', 'jp2', 'jxl', 'svg+xml'].map((type) => [
      `image/${type}`,
      { schema: file(`image/${type}`, 'The bytes of the image.') },
    ]),
  ),
} satisfies RequestBody['content'];

const FILES: Media = {
  schema: {
    type: 'object',
    description:
      'Files alone, at most 100; the name of a part means nothing. The name of a file becomes the `id` of its result.',
    required: ['file'],
    properties: {
      file: {
        type: 'array',
        maxItems: 100,
        items: file('application/octet-stream', 'The bytes of one image.'),
        description: 'The images.',
      },
    },
  },
};

const ADDRESS: Media = {
  schema: {
    type: 'object',
    required: ['url'],
    additionalProperties: false,
    properties: { url: { type: 'string', maxLength: 2048, description: 'Address of an image, of http or https.' } },
  },
  examples: { example1: { value: { url: 'https://images.example/17.jpg' } } },
};

const ITEM_LINES = text(
  'An item a line, as in `items` of the JSON form, of any number. Lines of at most 64 kB.',
  linesOf({ id: '17', pdq: PDQ }, { id: '18', md5: MD5 }),
);

const LIST_CSV = `ID,HASH,TYPE,SEVERITY\nA17,${PDQ},pdq,A1\nA18,${MD5},md5,A1\n`;
const LIST_XML =
  '<?xml version="1.0" encoding="UTF-8"?>\n<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2" maxTimestamp="2026-09-14T08:00:00Z">\n  <images count="1" maxTimestamp="2026-09-14T08:00:00Z">\n    <image>\n      <member id="42">Example</member>\n      <timestamp>2026-09-14T08:00:00Z</timestamp>\n      <id>A17</id>\n      <classification>A1</classification>\n      <fingerprints>\n        <md5>' +
  MD5 +
  '</md5>\n        <sha1>' +
  SHA1 +
  '</sha1>\n      </fingerprints>\n    </image>\n  </images>\n</queryResult>\n';

/** By `operationId`. */
export const REQUESTS: Readonly<Record<string, RequestBody>> = {
  checkImage: {
    description: 'One image as its bytes, or its address as JSON, or several images as `multipart/form-data`.',
    content: { ...IMAGE, 'multipart/form-data': FILES, 'application/json': ADDRESS },
  },
  getImageVerdict: {
    description: 'One image as its bytes, or several as `multipart/form-data`.',
    content: { ...IMAGE, 'multipart/form-data': FILES },
  },
  checkPictrsUpload: {
    description: 'The bytes of the upload.',
    content: { ...IMAGE, 'video/mp4': { schema: file('video/mp4', 'The bytes of a video.') } },
  },
  compareHashes: {
    description: 'Two values of one kind.',
    content: json({
      'Two PDQ hashes': { algorithm: 'pdq', a: PDQ, b: PDQ },
      'Two MD5 digests': { algorithm: 'md5', a: MD5, b: MD5 },
    }),
  },
  explainCheck: {
    description: 'One image as its bytes, or one hash or digest as JSON.',
    content: {
      ...IMAGE,
      ...json({
        'A PDQ hash': { hash: PDQ, algorithm: 'pdq', quality: 100 },
        'An MD5 digest, known by its length': { hash: MD5 },
      }),
    },
  },
  hashImage: { description: 'One image as its bytes.', content: IMAGE },
  checkHashes: {
    description: 'The hashes as JSON, as lines of JSON of any number, or as raw values.',
    content: {
      ...json({
        'A PDQ hash': { items: [{ id: '17', pdq: PDQ }] },
        'Digests of a file and its PDQ hash': {
          items: [{ id: '17', md5: MD5, sha1: SHA1, sha256: SHA256, pdq: PDQ, quality: 100 }],
        },
        'On some lists, within a narrower radius': { lists: ['sample'], radius: 16, items: [{ id: '17', pdq: PDQ }] },
        'All hashes of one file': {
          items: [
            {
              id: '17',
              sha256: SHA256,
              hashes: [
                { algorithm: 'pdq', value: PDQ, orientation: 'original', family: 'resized' },
                { algorithm: 'blockhash', value: PDQ },
              ],
            },
          ],
        },
      }),
      'application/x-ndjson': ITEM_LINES,
      'application/ndjson': ITEM_LINES,
      'application/jsonl': ITEM_LINES,
      'application/octet-stream': {
        schema: file(
          'application/octet-stream',
          'Values of the kind `algorithm` end to end, without anything between them, of any number.',
        ),
      },
    },
  },
  addImage: { description: 'The bytes of the image.', content: IMAGE },
  importEntries: {
    description:
      'The list as it was published, of any length. `format` says how it is read; the type only has to be one of these.',
    content: {
      'text/csv': text('Rows with columns, whose names `map` says: `format=csv`.', LIST_CSV),
      'application/json': {
        schema: { description: 'A file of JSON, such as `format=vics` or `format=stopncii`.' },
        examples: { example1: { value: [{ entryId: 'A17', algorithm: 'pdq', value: PDQ }] } },
      },
      'application/x-ndjson': text(
        'An entry a line: `format=jsonl`.',
        linesOf({ entryId: 'A17', algorithm: 'pdq', value: PDQ }),
      ),
      'application/xml': text('A file of XML: `format=ncmec`.', LIST_XML),
      'text/xml': text('A file of XML: `format=ncmec`.', LIST_XML),
      'application/octet-stream': { schema: file('application/octet-stream', 'The file, of any format.') },
    },
  },
  createList: {
    description: 'The name of the list, and its settings.',
    content: json({
      'A list': { list: 'police' },
      'With its settings': {
        list: 'partner',
        radiusBits: 16,
        categoryMap: { A1: 'sexual' },
        expiresAt: '2099-01-01T00:00:00Z',
        entryDaysMax: 365,
      },
      'Values that never count': { list: 'own-logos', kind: 'suppression' },
    }),
  },
  changeList: {
    description: 'The settings to change.',
    content: json({
      'Disable it': { enabled: false },
      'Radius and names': { radiusBits: 16, severityMap: { A1: 'high' } },
      'Look for cropped copies': { detail: 'deep' },
      'Another name': { name: 'police-nl' },
    }),
  },
  rollBackList: { description: 'The version to restore.', content: json({ 'An earlier version': { version: 1 } }) },
  addContent: {
    description: 'The values of the entry, and what the client keeps with it.',
    content: json({
      'A photograph, with a note': { pdq: PDQ, md5: MD5, mediaType: 'photo', note: 'case 17', metadata: { case: 17 } },
      'A video by its digest': { md5: MD5, mediaType: 'video' },
    }),
  },
  changeContent: {
    description: 'What changes of the entry.',
    content: json({
      'Disable it': { inactive: true },
      'Disable it until a day': { inactiveUntil: '2030-01-01T00:00:00Z' },
      'Enable it, with a note': { inactive: false, note: 'reviewed', metadata: null },
    }),
  },
  changeEntry: { description: 'Whether the entry counts.', content: json({ 'Disable it': { enabled: false } }) },
  setSource: {
    description: 'The whole source, with all of its secrets.',
    content: json({
      'NCMEC, the password in a variable': {
        type: 'ncmec',
        url: 'https://report.example.org/hashsharing/',
        user: 'my-host',
        secrets: { password: { env: 'SOURCE_NCMEC_PASSWORD' } },
        members: ['42'],
        everyMinutes: 60,
      },
      'ThreatExchange, the token sealed': {
        type: 'threatexchange',
        url: 'https://graph.example.org/v9.0',
        secrets: { accessToken: { value: 'a secret' } },
        privacyGroup: '1234567890',
      },
    }),
  },
  sendFeedback: {
    description: 'Whether to send, and what.',
    content: json({
      'Show what would be sent': { yes: false },
      'Send it': { yes: true, since: '2026-09-01T00:00:00Z' },
    }),
  },
  addSuppression: {
    description: 'A value, an entry of a list, or all entries of one source in a list.',
    content: json({
      'A value': { algorithm: 'md5', value: MD5, note: 'Our own logo.' },
      'An entry': { list: 'sample', entryId: 'mate-freshflower' },
      'All entries of a source': { list: 'sample', source: 'sample' },
    }),
  },
  searchHits: {
    description: 'What the file is known by: all that is given must fit.',
    content: json({ 'By an MD5': { digest: MD5 }, 'By a folder': { referencePrefix: 'upload/', limit: 20 } }),
  },
  changeHit: {
    description: 'The decision.',
    content: json({
      'The party was notified': { status: 'notified', note: 'Reported to the customer.' },
      'The file was removed': { status: 'removed' },
      'A false positive, whose entry no longer counts': { status: 'false_positive', suppress: true },
      'It is disputed, and has another person': {
        disputed: true,
        assignee: 'night shift',
        note: 'The customer objects.',
      },
    }),
  },
  createKey: {
    description: 'Tenant and scopes of the key.',
    content: json({
      'For an upload path': { tenant: 'my-host', scopes: ['check', 'check:hashes'], name: 'upload path' },
      'That expires': { tenant: 'my-host', scopes: ['hits', 'details'], expiresAt: '2099-01-01T00:00:00Z' },
    }),
  },
  rotateKey: {
    description:
      'The grace period and the expiry of the new key; without a body 168 hours, and the lifetime of the old one.',
    required: false,
    content: json({ 'A day of grace': { graceHours: 24 } }),
  },
  changeTenant: {
    description: 'What to change.',
    content: json({
      Limits: { limits: { checksPerSecond: 100, checksPerDay: 1_000_000, bytesPerDay: null } },
      'Refuse all of its keys': { disabled: true },
      'Clear its alarm': { alarm: null },
    }),
  },
  addWebhook: {
    description: 'Address and secret of the receiver.',
    content: json({
      'For one tenant': { url: 'https://abuse.example.net/zeef', secretEnv: 'ABUSE_HOOK_SECRET', tenant: 'my-host' },
      'For all of them': { url: 'https://abuse.example.net/zeef', secretEnv: 'ABUSE_HOOK_SECRET' },
    }),
  },
};

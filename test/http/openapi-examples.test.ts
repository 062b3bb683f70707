/** The examples of the document are sent to a service, which accepts them; its answers have the documented form and no other field. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MD5 } from '../../src/http/openapi/examples.js';
import {
  type ApiDocument,
  examplesOf,
  type Operation,
  operationsOf,
  type Schema,
  validatorOf,
} from '../support/openapi-document.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../support/running.js';

const picture = new Uint8Array(readFileSync(join(PICTURES, 'mate-freshflower.jpg')));
const other = new Uint8Array(readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg')));

let running: Running;
let key: string;
let document: ApiDocument;
let faultOf: (schema: Schema, value: unknown) => string;
const byId = new Map<string, { readonly route: string; readonly operation: Operation }>();
/** Ids of what the first requests made, by the operation that has them in its path. */
const made: Record<string, string> = {};
const accepted = new Set<string>();

beforeAll(async () => {
  running = await startService({ adapters: 'pict-rs' });
  const { keys } = running.service.store;
  key = (await keys.createKey({ tenant: 'operator', scopes: ['admin'], name: null, expiresAt: null })).key;
  document = (await (await fetch(`${running.url}/openapi.json`)).json()) as ApiDocument;
  const schemas = closed(document.components.schemas as Schema) as ApiDocument['components']['schemas'];
  faultOf = validatorOf({ ...document, components: { ...document.components, schemas } });
  for (const [route, operation] of operationsOf(document)) byId.set(operation.operationId, { route, operation });
});
afterAll(() => running.stop());

/** Refuse fields that the schema does not name. */
function closed(schema: Schema): Schema {
  if (Array.isArray(schema)) return schema.map(closed) as never;
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, closed(part as Schema)]));
  const isOpen = schema.properties !== undefined && schema.additionalProperties === undefined && !('$ref' in schema);
  return isOpen && typeof schema.properties === 'object' ? { ...inner, additionalProperties: false } : inner;
}

interface Sent {
  readonly type?: string;
  readonly body?: string | Uint8Array<ArrayBuffer> | FormData;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly key?: string | null;
}

/** Where a request is refused before they are read. */
const OTHERS: Readonly<Record<string, string>> = { contentId: '1' };

/** Send a request to an operation; its answer must be documented. Result: the answer, and its body where it is JSON. */
async function send(id: string, { type, body, params = {}, query = '', ...more }: Sent = {}) {
  const { route, operation } = byId.get(id)!;
  const [method, path] = route.split(' ') as [string, string];
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? OTHERS[name] ?? 'sample'),
  );
  const given = more.key === undefined ? key : more.key;
  const response = await fetch(`${running.url}${filled}${query}`, {
    method,
    headers: {
      ...(given === null ? {} : { authorization: `Bearer ${given}` }),
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (response.ok) accepted.add(id);
  const answer = operation.responses[String(response.status)];
  const place = `${id} ${response.status} ${text.slice(0, 300)}`;
  expect(answer, `documented: ${place}`).toBeDefined();
  const mediaType = (response.headers.get('content-type') ?? '').split(';')[0]!;
  if (text === '') expect(answer!.content, place).toBeUndefined();
  else expect(Object.keys(answer!.content ?? {}), place).toContain(mediaType);
  for (const name of Object.keys(answer!.headers).filter((one) => one === 'x-request-id' || one === 'location'))
    expect(response.headers.get(name), `${name} of ${place}`).not.toBeNull();
  if (!/^application\/(problem\+)?json$/.test(mediaType)) return { status: response.status, json: null };
  const json = JSON.parse(text);
  const { schema, examples = {} } = answer!.content![mediaType]!;
  expect(faultOf(closed(schema), json), place).toBe('');
  if (mediaType === 'application/problem+json') expect(Object.keys(examples), place).toContain(json.code);
  return { status: response.status, json };
}

/** Send every example of a medium of an operation's body; all must be accepted. Result: the last answer. */
async function sendExamples(id: string, type: string, more: Sent = {}, leftOut: readonly unknown[] = []) {
  const media = byId.get(id)!.operation.requestBody!.content[type]!;
  let last: Awaited<ReturnType<typeof send>> | null = null;
  const examples = examplesOf(media, document).filter(
    (one) => !leftOut.some((other) => expect.objectContaining(other as object).asymmetricMatch(one)),
  );
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) {
    const body = type === 'application/json' ? JSON.stringify(example) : (example as string);
    last = await send(id, { type, body, ...more });
    expect([id, JSON.stringify(example), last.json?.code ?? undefined]).toEqual([
      id,
      JSON.stringify(example),
      undefined,
    ]);
  }
  return last!.json;
}

const JSON_TYPE = 'application/json';

describe('requests that check', () => {
  test('an image in every type of the document, and files as multipart', async () => {
    for (const id of ['checkImage', 'hashImage'])
      for (const type of Object.keys(byId.get(id)!.operation.requestBody!.content)) {
        if (type === 'multipart/form-data' || type === 'application/json') continue;
        const { status, json } = await send(id, { type, body: picture });
        expect([type, status, json.verdict ?? 'hashed']).toEqual([type, 200, id === 'checkImage' ? 'match' : 'hashed']);
      }
    const form = new FormData();
    for (const name of ['a.jpg', 'b.jpg']) form.append('file', new Blob([picture]), name);
    const { json } = await send('checkImage', { body: form });
    expect(json.results.map(({ id, verdict }: Record<string, string>) => [id, verdict])).toEqual([
      ['a.jpg', 'match'],
      ['b.jpg', 'match'],
    ]);
    expect((await send('checkImage', { type: 'image/png', body: 'no image' })).json.verdict).toBe('not_checked');
    expect((await send('hashImage', { type: 'image/png', body: 'no image' })).json.code).toBe('IMAGE_NOT_AN_IMAGE');
    const query = '?orientations=all&frames=2';
    expect((await send('hashImage', { type: 'image/jpeg', body: picture, query })).status).toBe(200);
  });

  test('the same by the status', async () => {
    for (const [id, params] of [
      ['getImageVerdict', {}],
      ['checkPictrsUpload', { key }],
    ] as const) {
      for (const type of Object.keys(byId.get(id)!.operation.requestBody!.content)) {
        if (type === 'multipart/form-data') continue;
        expect([type, (await send(id, { type, body: picture, params })).status]).toEqual([type, 406]);
      }
      expect((await send(id, { type: 'image/png', body: 'no image', params })).status).toBe(503);
      expect((await send(id, { type: 'image/png', body: other, params })).status).toBe(200);
    }
    for (const status of [403, 406, 422, 451]) {
      const query = `?match=${status}`;
      expect((await send('getImageVerdict', { type: 'image/jpeg', body: picture, query })).status).toBe(status);
      expect((await send('getHashVerdict', { query: `${query}&md5=${MD5}` })).status).toBe(status);
    }
    const form = new FormData();
    form.append('file', new Blob([picture]), 'a.jpg');
    expect((await send('getImageVerdict', { body: form })).status).toBe(406);
    await sendExamples('compareHashes', JSON_TYPE);
  });

  test('why an image or a hash matched', async () => {
    const explained = await send('explainCheck', { type: 'image/jpeg', body: picture });
    expect(explained.json.verdict).toBe('match');
    await sendExamples('explainCheck', JSON_TYPE);
  });

  test('hashes in every type of the document', async () => {
    const json = await sendExamples('checkHashes', JSON_TYPE);
    expect(json.results).toHaveLength(1);
    for (const type of ['application/x-ndjson', 'application/ndjson', 'application/jsonl'])
      await sendExamples('checkHashes', type);
    const { pdq } = (await send('hashImage', { type: 'image/jpeg', body: picture })).json;
    const values = Uint8Array.from(Buffer.from(pdq.hash + '00'.repeat(32), 'hex'));
    const sent = { type: 'application/octet-stream', body: values, query: '?algorithm=pdq' };
    const raw = (await send('checkHashes', sent)).json;
    expect([raw.checked, raw.matched, raw.results[0].index]).toEqual([2, 1, 0]);
  });
});

describe('requests that change', () => {
  test('cases', async () => {
    const { hits } = (await send('listHits')).json;
    made.getHit = hits.find(({ list }: { list: string }) => list === 'sample').id;
    await sendExamples('searchHits', JSON_TYPE);
    await sendExamples('changeHit', JSON_TYPE, { params: { id: made.getHit! } });
    // The last of them suppressed the entry of the hit.
    await send('releaseEntry', { query: '?list=sample&entryId=mate-freshflower' });
  });

  test('lists and imports', async () => {
    await sendExamples('createList', JSON_TYPE);
    await sendExamples('changeList', JSON_TYPE, { params: { list: 'partner' } });
    // The last of them gave it another name.
    await send('changeList', { type: JSON_TYPE, body: '{"name":"partner"}', params: { list: 'police-nl' } });
    await sendExamples('changeEntry', JSON_TYPE, { params: { list: 'sample', entryId: 'mate-freshflower' } });
    const formats: Record<string, string> = {
      'text/csv': '?format=csv&map=value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID',
      'application/json': '?format=json',
      'application/x-ndjson': '?format=jsonl',
      'application/xml': '?format=ncmec',
      'text/xml': '?format=ncmec',
    };
    for (const [type, query] of Object.entries(formats)) {
      const list = type.replace(/\W/g, '-');
      const job = await sendExamples('importEntries', type, { query, params: { list } });
      expect([type, job.state, job.report.rejected]).toEqual([type, 'done', 0]);
      made.getJob = job.id;
    }
    await send('importEntries', {
      type: 'text/csv',
      query: '?format=plain&mode=add',
      params: { list: 'text-csv' },
      body: `${'0'.repeat(32)}\n`,
    });
    expect((await send('addImage', { type: 'image/jpeg', body: picture, params: { list: 'partner' } })).status).toBe(
      200,
    );
    const added = await sendExamples('addContent', JSON_TYPE, { params: { list: 'partner' } });
    made.getContent = String(added.contentId);
    await sendExamples('changeContent', JSON_TYPE, { params: { list: 'partner', contentId: made.getContent } });
    await sendExamples('rollBackList', JSON_TYPE, { params: { list: 'text-csv' } });
    for (const id of ['approveVersion', 'rejectVersion']) expect((await send(id)).json.code).toBe('NOT_FOUND');
  });

  test('sources and suppressions', async () => {
    await sendExamples('setSource', JSON_TYPE, { params: { list: 'partner' } });
    await send('setSource', {
      type: JSON_TYPE,
      body: JSON.stringify({ type: 'ncmec', url: 'https://report.example.org/' }),
      params: { list: 'police' },
    });
    // What would be sent elsewhere is not.
    await sendExamples('sendFeedback', JSON_TYPE, { params: { list: 'police' } }, [{ yes: true }]);
    expect((await send('syncSource', { params: { list: 'partner' } })).status).toBe(202);
    await sendExamples('addSuppression', JSON_TYPE);
    made.removeSuppression = (await send('listSuppressions')).json.suppressions.find(({ id }: { id: string }) => id).id;
  });

  test('keys, tenants and webhooks', async () => {
    made.rotateKey = (await sendExamples('createKey', JSON_TYPE)).info.id;
    await sendExamples('rotateKey', JSON_TYPE, { params: { id: made.rotateKey! } });
    expect((await send('rotateKey', { params: { id: made.rotateKey! } })).json.code).toBe('KEYS_LIVE_MAX');
    await sendExamples('changeTenant', JSON_TYPE, { params: { tenant: 'my-host' } });
    made.pingWebhook = (await sendExamples('addWebhook', JSON_TYPE)).id;
    for (const id of ['pingWebhook', 'retryDeadEvents']) await send(id, { params: { id: made.pingWebhook! } });
  });
});

describe('requests that read or remove', () => {
  const PARAMS: Readonly<Record<string, () => Sent>> = {
    getJob: () => ({ params: { id: made.getJob! } }),
    getHit: () => ({ params: { id: made.getHit! } }),
    getNotice: () => ({ params: { id: made.getHit! } }),
    checkHash: () => ({ params: { hash: MD5 } }),
    getHashVerdict: () => ({ query: `?md5=${'0'.repeat(32)}` }),
    getReport: () => ({ query: '?period=2026' }),
    getEntry: () => ({ params: { entryId: 'mate-freshflower' } }),
    getContent: () => ({ params: { list: 'partner', contentId: made.getContent! } }),
    removeContent: () => ({ params: { list: 'partner', contentId: made.getContent! } }),
    getSource: () => ({ params: { list: 'partner' } }),
    getTenant: () => ({ params: { tenant: 'my-host' } }),
    listDeadEvents: () => ({ params: { id: made.pingWebhook! } }),
    removeSource: () => ({ params: { list: 'partner' } }),
    removeSuppression: () => ({ params: { id: made.removeSuppression! } }),
    releaseEntry: () => ({ query: '?list=sample&entryId=mate-freshflower' }),
    removeEntry: () => ({ params: { entryId: 'mate-freshflower' } }),
    revokeKey: () => ({ params: { id: made.rotateKey! } }),
    removeWebhook: () => ({ params: { id: made.pingWebhook! } }),
    removeList: () => ({ params: { list: 'partner' } }),
  };
  const idsOf = (method: string) => [...byId].filter(([, { route }]) => route.startsWith(method)).map(([id]) => id);

  test('every GET answers in its documented form', async () => {
    const ids = idsOf('GET');
    expect(ids.length).toBeGreaterThan(20);
    for (const id of ids) expect([id, (await send(id, PARAMS[id]?.())).status]).toEqual([id, 200]);
    for (const format of ['json', 'csv', 'html', 'dsa'])
      expect((await send('getReport', { query: `?period=2026&format=${format}` })).status).toBe(200);
    expect((await send('listFeedback')).json.feedback.length).toBeGreaterThan(0);
  });

  test('without a key, and with one that lacks the scope', async () => {
    const { keys } = running.service.store;
    const create = (scopes: readonly ('lists' | 'hits')[]) =>
      keys.createKey({ tenant: 'other', scopes, name: null, expiresAt: null });
    const [lists, hits] = [(await create(['lists'])).key, (await create(['hits'])).key];
    for (const [id, { operation }] of byId) {
      if (operation.description.includes('No key is needed')) continue;
      const isInPath = id === 'checkPictrsUpload';
      const missing = isInPath ? 'KEY_INVALID' : 'KEY_MISSING';
      expect([id, (await send(id, { key: null })).json.code]).toEqual([id, missing]);
      const other = operation.description.includes('Needs the scope `lists`') ? hits : lists;
      const params = isInPath ? { key: other } : {};
      expect([id, (await send(id, { key: other, params })).json.code]).toEqual([id, 'SCOPE_MISSING']);
    }
  });

  test('every DELETE', async () => {
    // An entry is released before it is removed, and a list is last: the others name it.
    const rank = (id: string) => ['releaseEntry', 'removeEntry', 'removeList'].indexOf(id);
    const ids = idsOf('DELETE').sort((a, b) => rank(a) - rank(b));
    expect(ids.length).toBeGreaterThan(6);
    for (const id of ids) expect([id, (await send(id, PARAMS[id]?.())).status < 300]).toEqual([id, true]);
  });
});

test('every operation has accepted a request, but those that need a held version', () => {
  const refused = [...byId.keys()].filter((id) => !accepted.has(id)).sort();
  expect(refused).toEqual(['approveVersion', 'rejectVersion']);
});

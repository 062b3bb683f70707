/** `/openapi.json`: every route is in it, and a newcomer can use the API from it alone. */
import { Validator } from '@seriousme/openapi-schema-validator';
import type { RouteOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/core/errors.js';
import { EXAMPLES } from '../../src/http/openapi/examples.js';
import { FIELDS } from '../../src/http/openapi/fields.js';
import { OPERATIONS } from '../../src/http/openapi/operations.js';
import { REQUESTS } from '../../src/http/openapi/requests.js';
import { TAGS } from '../../src/http/openapi/tags.js';
import {
  type ApiDocument,
  examplesOf,
  type Operation,
  operationsOf,
  type Schema,
  validatorOf,
} from '../support/openapi-document.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
let document: ApiDocument;
const registered: string[] = [];
let operations: readonly (readonly [string, Operation])[];

beforeAll(async () => {
  running = await startService({}, ({ method, url }: RouteOptions) => {
    for (const one of [method].flat()) if (one !== 'HEAD') registered.push(`${one} ${url.replace(/:(\w+)/g, '{$1}')}`);
  });
  document = (await (await fetch(`${running.url}/openapi.json`)).json()) as ApiDocument;
  operations = operationsOf(document);
});
afterAll(() => running.stop());

/** Pages of people, not of programs. */
const isPage = (route: string) => /^GET \/(docs|dashboard)?(\/|$)/.test(route);
const whichFail = (isGood: (operation: Operation) => boolean) =>
  operations.filter(([, operation]) => !isGood(operation)).map(([route]) => route);
const isSentence = (text = '') => /^[A-Z`0-9].*\.$/s.test(text);

interface Field {
  readonly path: string;
  readonly schema: Schema;
}

/** All fields of a schema, at any depth, with their paths. */
function fieldsOf(schema: Schema, path: string): Field[] {
  const { properties = {}, anyOf = [], items, additionalProperties } = schema;
  const own = Object.entries(properties).map(([name, field]) => ({ path: `${path}.${name}`, schema: field }));
  const parts = [
    ...anyOf,
    ...(items ? [items] : []),
    ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
  ];
  return [
    ...own,
    ...own.flatMap((one) => fieldsOf(one.schema, one.path)),
    ...parts.flatMap((one) => fieldsOf(one, path)),
  ];
}

/** All media of requests and answers, with their places. */
const allMedia = () =>
  operations.flatMap(([, { operationId, requestBody, responses }]) => [
    ...Object.entries(requestBody?.content ?? {}).map(([type, media]) => ({ place: `${operationId} ${type}`, media })),
    ...Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content).map(([type, media]) => ({ place: `${operationId} ${status} ${type}`, media })),
    ),
  ]);
const allParameters = () =>
  operations.flatMap(([, { operationId, parameters = [] }]) =>
    parameters.map(({ name, description, schema }) => ({ path: `${operationId} ${name}`, description, schema })),
  );
const allFields = () => [
  ...allMedia().flatMap(({ place, media }) => fieldsOf(media.schema, place)),
  ...Object.entries(document.components.schemas).flatMap(([name, schema]) => fieldsOf(schema, name)),
];

test('the document has the form that OpenAPI 3.1 defines', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate({ ...structuredClone(document) });
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, '3.1']);
});

describe('every route', () => {
  test('is in the document, and in the table of operations', () => {
    const routes = registered.filter((route) => !isPage(route)).sort();
    expect(routes.length).toBeGreaterThan(50);
    expect(operations.map(([route]) => route).sort()).toEqual(routes);
    expect(Object.keys(OPERATIONS).sort()).toEqual(routes);
    const order = Object.keys(OPERATIONS).map((route) => route.split(' ')[1]!);
    expect(Object.keys(document.paths)).toEqual([...new Set(order)]);
  });

  test('has one tag, in the order of the page, each with a sentence', () => {
    expect(document.tags.map(({ name }) => name)).toEqual(Object.keys(TAGS));
    expect(document.tags.filter(({ description }) => !/^[A-Z].{20,}\.$/.test(description))).toEqual([]);
    expect(whichFail(({ tags }) => tags.length === 1 && tags[0]! in TAGS)).toEqual([]);
    expect(new Set(operations.flatMap(([, { tags }]) => tags))).toEqual(new Set(Object.keys(TAGS)));
  });

  test('has a name of its own for clients', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(whichFail(({ operationId }) => /^[a-z]+[A-Z][A-Za-z]+$/.test(operationId))).toEqual([]);
  });

  test('has a summary, a description and the scope that it needs', () => {
    expect(whichFail(({ summary = '' }) => /^[A-Z].*\.$/.test(summary))).toEqual([]);
    const hasAll = ({ description = '' }: Operation) =>
      /^[A-Z].{20,}\n\n(No key is needed|Needs the scope `[\w:]+`)\.$/s.test(description);
    expect(whichFail(hasAll)).toEqual([]);
  });

  test('that changes something and takes a body has it, with its media types', () => {
    // Those without a body are named, so that a new route with one is not forgotten.
    const without = whichFail(({ requestBody }) => requestBody !== undefined).filter(
      (route) => !route.startsWith('GET'),
    );
    expect(without.filter((route) => !route.startsWith('DELETE')).sort()).toEqual([
      'POST /v1/lists/{list}/approve',
      'POST /v1/lists/{list}/reject',
      'POST /v1/lists/{list}/source/sync',
      'POST /v1/webhooks/{id}/ping',
      'POST /v1/webhooks/{id}/retry',
    ]);
    const withBody = operations.filter(([, { requestBody }]) => requestBody !== undefined);
    expect(withBody.map(([, { operationId }]) => operationId).sort()).toEqual(Object.keys(REQUESTS).sort());
    expect(withBody.filter(([, { requestBody }]) => !isSentence(requestBody!.description))).toEqual([]);
  });
});

describe('every part', () => {
  test('has a description: parameters, fields, answers, headers', () => {
    const parameters = allParameters().filter(({ description }) => !isSentence(description));
    expect(parameters.map(({ path }) => path)).toEqual([]);
    const fields = allFields();
    expect(fields.length).toBeGreaterThan(500);
    expect(fields.filter(({ schema }) => !isSentence(schema.description)).map(({ path }) => path)).toEqual([]);
    const answers = operations.flatMap(([route, { responses }]) =>
      Object.entries(responses).map(([status, answer]) => ({ place: `${route} ${status}`, answer })),
    );
    expect(answers.filter(({ answer }) => !isSentence(answer.description)).map(({ place }) => place)).toEqual([]);
    const headers = answers.flatMap(({ place, answer }) =>
      Object.entries(answer.headers).map(([name, { $ref = '', description }]) => {
        const shared = document.components.headers?.[$ref.split('/').at(-1)!] as
          | { readonly description: string }
          | undefined;
        return { place: `${place} ${name}`, description: shared?.description ?? description };
      }),
    );
    expect(headers.filter(({ description }) => !isSentence(description)).map(({ place }) => place)).toEqual([]);
  });

  test('has an example, which is valid: parameters, bodies, answers; and so is each of a field', () => {
    const faultOf = validatorOf(document);
    const faults: string[] = [];
    const examine = (place: string, schema: Schema, examples: readonly unknown[]) => {
      for (const example of examples) {
        const fault = faultOf(schema, example);
        if (fault !== '') faults.push(`${place}: ${JSON.stringify(example)}: ${fault}`);
      }
    };
    for (const { path, schema } of allParameters()) {
      if (schema.examples === undefined) faults.push(`${path}: no example`);
      examine(path, schema, schema.examples ?? []);
    }
    for (const { path, schema } of allFields()) examine(path, schema, schema.examples ?? []);
    for (const { place, media } of allMedia()) {
      const examples = examplesOf(media, document);
      // A file is chosen from the disk.
      const isFile = JSON.stringify(media.schema).includes('"contentMediaType"');
      if (examples.length === 0 && !isFile) faults.push(`${place}: no example`);
      examine(place, media.schema, examples);
    }
    expect(faults).toEqual([]);
  });

  test('of the tables of fields and examples is in use', () => {
    const used = new Set(
      [...allFields(), ...allParameters()].map(({ path }) =>
        path
          .split(/[. ]/)
          .at(-1)!
          .replace(/[[\]{}]/g, ''),
      ),
    );
    const unused = (table: object) => Object.keys(table).filter((key) => !used.has(key.split(/[@:]/)[0]!));
    expect(unused(FIELDS)).toEqual([]);
    expect(unused(EXAMPLES)).toEqual([]);
  });
});

describe('the errors of every route', () => {
  const codesOf = ({ responses }: Operation): ErrorCode[] =>
    Object.entries(responses).flatMap(([, { content = {} }]) =>
      Object.keys(content['application/problem+json']?.examples ?? {}),
    ) as ErrorCode[];

  test('have the status of their code, the form of all errors, and Retry-After where they pass', () => {
    for (const [route, { responses }] of operations)
      for (const [status, answer] of Object.entries(responses)) {
        const problem = answer.content?.['application/problem+json'];
        if (problem === undefined) continue;
        const codes = Object.keys(problem.examples!) as ErrorCode[];
        expect([route, ...codes.map((code) => ERRORS[code].http)]).toEqual([route, ...codes.map(() => Number(status))]);
        expect(problem.schema).toEqual({ $ref: '#/components/schemas/Problem' });
        const isRetried = codes.some((code) => ERRORS[code].retry);
        expect([route, status, 'retry-after' in answer.headers]).toEqual([route, status, isRetried]);
      }
  });

  test('follow from what it takes', () => {
    const isKeyed = ({ description }: Operation) => description.includes('Needs the scope');
    const takesBody = ({ requestBody }: Operation) => requestBody !== undefined;
    for (const code of ['REQUEST_INVALID', 'INTERNAL'] as const)
      expect([code, ...whichFail((one) => codesOf(one).includes(code))]).toEqual([code]);
    // A key in the path is never missing.
    const hasHeader = (one: Operation) => isKeyed(one) && one.operationId !== 'checkPictrsUpload';
    expect(whichFail((one) => codesOf(one).includes('KEY_MISSING') === hasHeader(one))).toEqual([]);
    expect(whichFail((one) => codesOf(one).includes('SCOPE_MISSING') === isKeyed(one))).toEqual([]);
    for (const code of ['BODY_TOO_LARGE', 'REQUEST_TIMEOUT', 'BODIES_IN_FLIGHT'] as const)
      expect([code, ...whichFail((one) => codesOf(one).includes(code) === takesBody(one))]).toEqual([code]);
    expect(whichFail((one) => codesOf(one).includes('ADAPTER_OFF') === (isKeyed(one) && !hasHeader(one)))).toEqual([]);
    const isLimited = (one: Operation) => isKeyed(one) && !one.description.includes('Needs the scope `admin`');
    expect(whichFail((one) => codesOf(one).includes('TOO_MANY_CONCURRENT') === isLimited(one))).toEqual([]);
  });
});

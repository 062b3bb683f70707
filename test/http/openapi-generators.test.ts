/** `/openapi.json` as programs read it that are not ours: a linter, and generators, which make one type of each name. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConfig, lint } from '@redocly/openapi-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { NAMES } from '../../src/http/openapi/names.js';
import { type ApiDocument, operationsOf, type Schema } from '../support/openapi-document.js';
import { type Running, startService } from '../support/running.js';

const folder = tempFolder('openapi-generators');
const file = join(folder, 'openapi.json');
let running: Running;
let document: ApiDocument;

beforeAll(async () => {
  running = await startService();
  const text = await (await fetch(`${running.url}/openapi.json`)).text();
  writeFileSync(file, text);
  document = JSON.parse(text);
});
afterAll(() => running.stop());

test('a linter finds nothing to say, by all of its recommended rules', async () => {
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lint({ ref: file, config });
  expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual([]);
  // It would find it: two operations of one name.
  const { operationId } = document.paths['/v1/check']!.post!;
  const clashing = structuredClone(document) as unknown as Record<string, Record<string, Record<string, object>>>;
  Object.assign(clashing.paths!['/v1/hash']!.post!, { operationId });
  const other = join(folder, 'clash.json');
  writeFileSync(other, JSON.stringify(clashing));
  expect((await lint({ ref: other, config })).map(({ ruleId }) => ruleId)).toContain('operation-operationId-unique');
});

/** All objects with fields inside a schema that are not references, with their places. */
function objectsIn(schema: Schema, place: string): [string, Schema][] {
  const { properties, anyOf = [], items, additionalProperties } = schema;
  const parts: [string, Schema][] = [
    ...Object.entries(properties ?? {}).map(([name, field]): [string, Schema] => [`${place}.${name}`, field]),
    ...[...anyOf, ...(items ? [items] : [])].map((part): [string, Schema] => [place, part]),
    ...(typeof additionalProperties === 'object' ? [[place, additionalProperties] as [string, Schema]] : []),
  ];
  const inside = parts.flatMap(([at, part]) => objectsIn(part, at));
  return properties === undefined ? inside : [[place, schema], ...inside];
}

test('what answers say has a name, one for each form, and every name is in use', () => {
  const { schemas } = document.components;
  expect(new Set(Object.values(NAMES)).size).toBe(Object.values(NAMES).length);
  expect(Object.keys(schemas)).toEqual(['Problem', ...Object.values(NAMES)]);
  const text = JSON.stringify(document);
  const isUsed = (name: string) => text.includes(`"#/components/schemas/${name}"`);
  expect(Object.keys(schemas).filter((name) => !isUsed(name))).toEqual([]);
  // Within an operation an object of one or two fields may have none: the page of a list.
  const answers = operationsOf(document).flatMap(([, { operationId, responses }]) =>
    Object.values(responses).flatMap(({ content = {} }) =>
      Object.values(content).flatMap(({ schema }) => objectsIn(schema, operationId)),
    ),
  );
  const inComponents = Object.entries(schemas).flatMap(([name, schema]) => objectsIn(schema, name).slice(1));
  const large = [...answers, ...inComponents].filter(([, { properties = {} }]) => Object.keys(properties).length > 2);
  expect(large.map(([place]) => place)).toEqual([]);
});

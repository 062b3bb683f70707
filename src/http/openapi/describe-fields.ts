/** Adds what `fields.ts` and `examples.ts` say to schemas, and makes an example of a schema from those of its fields. */
import { EXAMPLES } from './examples.js';
import { FIELDS } from './fields.js';
import type { Parameter, Schema } from './shapes.js';

/** Where a field is: the operation and its tag. */
export interface Place {
  readonly id: string;
  readonly tag: string;
}

/** The first choice of a field, or its type. */
function kindOf({ enum: choices, type, anyOf, items }: Schema): string {
  if (choices !== undefined) return String(choices[0]);
  if (anyOf !== undefined) return kindOf(anyOf[0]!);
  return items === undefined ? String([type].flat()[0]) : 'array';
}

/** The name under which a table has a field, from the most to the least specific; undefined: under none. */
function nameIn(table: Readonly<Record<string, unknown>>, name: string, schema: Schema, { id, tag }: Place) {
  const names = [`${name}@${id}`, `${name}:${kindOf(schema)}`, `${name}@${tag}`, name];
  return names.find((each) => Object.hasOwn(table, each));
}

function exampleNamed(name: string, schema: Schema, place: Place): unknown {
  const key = nameIn(EXAMPLES, name, schema, place);
  return key === undefined ? undefined : EXAMPLES[key];
}

/** Whether examples leave out a field that may be left out. */
function isLeftOut(name: string, schema: Schema, place: Place): boolean {
  const key = nameIn(EXAMPLES, name, schema, place);
  return key !== undefined && EXAMPLES[key] === undefined;
}

const isOf = (schema: Schema, value: unknown): boolean => {
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => isOf(one, value));
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if (value === null) return schema.type === 'null';
  if (Array.isArray(value)) return schema.type === 'array';
  if (typeof value === 'number') return schema.type === 'number' || schema.type === 'integer';
  return schema.type === typeof value;
};

function firstOf(schema: Schema): unknown {
  if (schema.anyOf !== undefined) return firstOf(schema.anyOf[0]!);
  if (schema.enum !== undefined) return schema.enum[0];
  return schema.type === 'boolean' ? false : undefined;
}

/** Add descriptions and examples to the fields of a schema, where they are not its own. */
export function describeFields(schema: Schema, place: Place): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const key = nameIn(FIELDS, name, field, place);
    if (field.description === undefined && key !== undefined) field.description = FIELDS[key]!;
    const named = exampleNamed(name, field, place);
    const example = named !== undefined && isOf(field, named) ? named : firstOf(field);
    if (field.examples === undefined && example !== undefined) field.examples = [example];
    describeFields(field, place);
  }
  const { anyOf = [], items, additionalProperties } = schema;
  for (const form of anyOf) describeFields(form, place);
  if (items !== undefined) describeFields(items, place);
  if (typeof additionalProperties === 'object') describeFields(additionalProperties, place);
}

/** Describe a parameter. Its example is in its schema: the page would send one beside it. */
export function describeParameter(parameter: Parameter, place: Place): void {
  const { name, schema } = parameter;
  const holder: Schema = { properties: { [name]: schema } };
  if (parameter.description !== undefined) schema.description = parameter.description;
  if (parameter.example !== undefined) schema.examples = [parameter.example];
  delete parameter.example;
  describeFields(holder, place);
  if (schema.description !== undefined) parameter.description = schema.description;
  delete schema.description;
}

/** Make an example of a schema. */
export function exampleOf(schema: Schema, place: Place): unknown {
  if (schema.examples !== undefined) return schema.examples[0];
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0]!, place);
  if (schema.type === 'array') return schema.items === undefined ? [] : [exampleOf(schema.items, place)];
  if (schema.type !== 'object') return firstOf(schema) ?? (schema.type === 'string' ? '' : 0);
  const fields = Object.entries(schema.properties ?? {}).filter(
    ([name, field]) => schema.required?.includes(name) || !isLeftOut(name, field, place),
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, exampleOf(field, place)]));
}

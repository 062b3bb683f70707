/** The document of the API as tests read it, and a validator for its schemas. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
}
export interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown; readonly $ref?: string }>>;
}
interface Answer {
  readonly description: string;
  readonly headers: Readonly<Record<string, { readonly $ref?: string; readonly description?: string }>>;
  readonly content?: Readonly<Record<string, Media>>;
}
export interface Operation {
  readonly tags: readonly string[];
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly description: string; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}
export interface ApiDocument {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>> & {
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

/** Return the operations, each with its method and path. */
export const operationsOf = ({ paths }: ApiDocument): (readonly [string, Operation])[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );

/** Return the document with each named schema in its places. */
export function withoutReferences(document: ApiDocument): ApiDocument {
  const { schemas } = document.components;
  const resolved = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(resolved);
    if (typeof part !== 'object' || part === null) return part;
    const [, name] = /^#\/components\/schemas\/(\w+)$/.exec((part as Schema).$ref ?? '') ?? [];
    if (name !== undefined) return resolved({ ...schemas[name], ...part, $ref: undefined });
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, resolved(value)]));
  };
  return resolved(document) as ApiDocument;
}

/** Return all examples of a medium. */
export function examplesOf({ example, examples = {} }: Media, { components }: ApiDocument): unknown[] {
  const named = Object.values(examples).map(({ value, $ref = '' }) => {
    const shared = components.examples?.[$ref.replace('#/components/examples/', '')] as
      | { readonly value: unknown }
      | undefined;
    return shared === undefined ? value : shared.value;
  });
  return example === undefined ? named : [example, ...named];
}

/** Make a validator of the document's schemas. Result: what is wrong with the value; empty where nothing is. */
export function validatorOf(document: ApiDocument): (schema: Schema, value: unknown) => string {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addFormat('date-time', (text: string) => !Number.isNaN(Date.parse(text)));
  ajv.addFormat('binary', true);
  ajv.addSchema(document, 'document');
  // Most fields are in many schemas: each form is compiled once.
  const compiled = new Map<string, ValidateFunction>();
  return (schema, value) => {
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/');
    const validate = compiled.get(text) ?? ajv.compile(JSON.parse(text));
    compiled.set(text, validate);
    return validate(value) ? '' : ajv.errorsText(validate.errors);
  };
}

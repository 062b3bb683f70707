/** What a schema refuses, in words: the field, what it got and what it takes. */
import type { ErrorDetails } from '../core/errors.js';
import { knownNames } from '../core/nearest.js';

/** A value in an error: longer ones, and what may be a hash or a key, are described. */
const SHOWN_CHARACTERS_MAX = 60;
const MAY_BE_SECRET = /^[0-9a-z+/_=-]{24,}$/i;
/** Choices in an error. */
const CHOICES_SHOWN_MAX = 60;

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  /** What a pattern takes, in words. */
  readonly title?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
}

/** One fault as the validator reports it, with the schema at fault and the value. */
export interface Fault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly parentSchema?: object;
  readonly data?: unknown;
}

function rangeOf(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most === undefined ? '' : ` of at most ${most}`;
}

function textTaken({ format, pattern, title, minLength, maxLength }: Schema): string {
  if (format === 'date-time') return 'a time with its zone, such as 2027-01-01T00:00:00Z';
  if (pattern !== undefined) return title ?? `a text of the form ${pattern}`;
  const range = rangeOf(minLength, maxLength);
  return range === '' ? 'a text' : `a text${range} characters`;
}

/** Say what a schema takes. */
export function takenBy(schema: Schema): string {
  if (schema.enum) return `one of ${schema.enum.slice(0, CHOICES_SHOWN_MAX).join(' ')}`;
  if (schema.anyOf) return schema.anyOf.map(takenBy).join(', or ');
  const { type, minItems, maxItems, properties } = schema;
  if (type === 'integer') return `a whole number${rangeOf(schema.minimum, schema.maximum)}`;
  if (type === 'number') return `a number${rangeOf(schema.minimum, schema.maximum)}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'null') return 'null';
  if (type === 'string') return textTaken(schema);
  if (type === 'array') return `a list${rangeOf(minItems, maxItems)}${maxItems === undefined ? '' : ' items'}`;
  if (type === 'object')
    return properties
      ? `an object with ${schema.minProperties ? 'some of ' : ''}${Object.keys(properties).join(' ')}`
      : 'an object';
  return 'a value';
}

/** Describe a value; never what may be a hash or a key. `isOpen`: it is no secret by its place, in an address or of a few choices. */
export function described(value: unknown, isOpen: boolean): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  if (value.trim() === '') return 'an empty text';
  const isShown = isOpen && value.length <= SHOWN_CHARACTERS_MAX && !MAY_BE_SECRET.test(value);
  return isShown ? value : `a text of ${value.length} characters`;
}

const cut = (name: unknown) => String(name).slice(0, 200);

/** Return the details of the first fault: its field, what it got and what it takes; `whole` names what has no field. */
export function detailsOf(faults: readonly Fault[] | null | undefined, whole: string): ErrorDetails {
  const fault = faults?.find(({ keyword }) => keyword !== 'anyOf') ?? faults?.[0];
  if (!fault) return { field: whole };
  const { additionalProperty, missingProperty } = fault.params;
  const path = [fault.instancePath.slice(1), cut(additionalProperty ?? missingProperty ?? '')];
  const field = path.filter((part) => part !== '').join('/') || whole;
  const schema = (fault.parentSchema ?? {}) as Schema;
  const properties = schema.properties ?? {};
  if (additionalProperty !== undefined)
    return { field, ...knownNames(String(additionalProperty), Object.keys(properties)) };
  if (missingProperty !== undefined)
    return { field, got: 'nothing', expected: takenBy(properties[String(missingProperty)] ?? {}) };
  const near = typeof fault.data === 'string' && schema.enum ? knownNames(fault.data, schema.enum) : {};
  const isOpen = whole !== 'body' || schema.enum !== undefined;
  return { field, got: described(fault.data, isOpen), expected: takenBy(schema), ...near };
}

/**
 * Return the details of a field that no form of the body knows, before any other fault: a misspelt field is reported as such, not as
 * one that is missing. Items of lists are left to the validator. Null: none.
 */
export function unknownField(schema: object, value: unknown, path = ''): ErrorDetails | null {
  // A stream of lines is no object of JSON.
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return null;
  const forms = ((schema as Schema).anyOf ?? [schema as Schema]).filter(({ type }) => type === 'object');
  if (forms.length === 0 || forms.some(({ additionalProperties }) => additionalProperties !== false)) return null;
  const known = Object.assign({}, ...forms.map(({ properties }) => properties)) as Record<string, Schema>;
  const names = Object.keys(known);
  for (const [name, inner] of Object.entries(value)) {
    if (!names.includes(name)) return { field: path + cut(name), ...knownNames(name, names) };
    const found = unknownField(known[name]!, inner, `${path}${name}/`);
    if (found) return found;
  }
  return null;
}

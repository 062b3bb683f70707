/** Items of a batch, one by one: an invalid one is its own error, in every form of a request, and keeps its id. */
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import type { HashBatch } from '../check/hash-batch.js';
import { Breath } from '../core/breath.js';
import { ERRORS, type ErrorDetails } from '../core/errors.js';
import type { HashLines } from './hash-lines.js';
import { lateValidators } from './late-compilers.js';
import { detailsOf, type Fault } from './schema-faults.js';
import { HashItem as HashItemSchema, REFERENCE_CHARACTERS_MAX } from './schemas.js';
import { createValidatorCompiler } from './validation.js';

/** The id of a line that cannot be parsed. */
const ID_FIRST = /^\s*\{\s*"id"\s*:\s*("(?:[^"\\]|\\.){0,1024}")/;

const compile = lateValidators(createValidatorCompiler());
const validate = compile({ schema: HashItemSchema, method: '', url: '', httpPart: 'body' }) as {
  (value: unknown): boolean;
  readonly errors?: readonly Fault[] | null;
};

/** An item, or the answer that says what is wrong with it. */
export type ReadItem = { readonly item: HashItem } | { readonly answer: HashItemAnswer };

function invalid(id: unknown, { field, expected, nearest }: ErrorDetails): ReadItem {
  const error = {
    code: 'VALUE_INVALID',
    says: ERRORS.VALUE_INVALID.says,
    field: field === undefined || field === '' ? null : String(field),
    ...(expected === undefined ? {} : { expected: String(expected) }),
    ...(nearest === undefined ? {} : { nearest: String(nearest) }),
  } as const;
  const isId = typeof id === 'string' && id.length <= REFERENCE_CHARACTERS_MAX;
  return { answer: { id: isId ? id : null, error } };
}

/** Validate an item that was parsed. */
export function readItem(value: unknown): ReadItem {
  if (validate(value)) return { item: value as HashItem };
  const { id } = Object(value) as { readonly id?: unknown };
  return invalid(id, detailsOf(validate.errors, ''));
}

function parsed(json: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(json) };
  } catch {
    return null;
  }
}

function readLine(line: string): ReadItem {
  const item = parsed(line);
  if (item !== null) return readItem(item.value);
  const id = ID_FIRST.exec(line)?.[1];
  return invalid(id === undefined ? null : parsed(id)?.value, { expected: 'one object of JSON' });
}

/** Read lines, as [from, to) in the bytes. */
export async function readLines(bytes: Buffer, lines: HashLines['others']): Promise<ReadItem[]> {
  const breath = new Breath();
  const read: ReadItem[] = [];
  for (const [from, to] of lines) {
    if (breath.isDue) await breath.take();
    read.push(readLine(bytes.toString('utf8', from, to)));
  }
  return read;
}

/** Check the valid items together. Result: answers in the order of the items. Errors as `HashBatch.checkItems`. */
export async function answerRead(batch: HashBatch, read: readonly ReadItem[]): Promise<HashItemAnswer[]> {
  const answers = await batch.checkItems(read.flatMap((one) => ('item' in one ? [one.item] : [])));
  const next = answers[Symbol.iterator]();
  return read.map((one) => ('item' in one ? (next.next().value as HashItemAnswer) : one.answer));
}

const namesWindow = ({ hashes = [] }: HashItem) => hashes.some(({ window }) => window !== undefined);

/**
 * Return a batch for callers without the scope `details`: an item with windows is its own error, SCOPE_MISSING. A client that chooses the certain
 * bits of a hash learns from the verdicts which of them an entry has: with all 256 they are a radius of `ZEEF_WINDOW_WRONG_BITS_MAX`.
 */
export function withoutWindows(batch: HashBatch): HashBatch {
  return {
    ...batch,
    async checkItems(items) {
      const answers = (await batch.checkItems(items.filter((item) => !namesWindow(item))))[Symbol.iterator]();
      return items.map((item): HashItemAnswer => {
        if (!namesWindow(item)) return answers.next().value as HashItemAnswer;
        const { says } = ERRORS.SCOPE_MISSING;
        return { id: item.id ?? null, error: { code: 'SCOPE_MISSING', says, field: 'hashes', expected: 'details' } };
      });
    },
  };
}

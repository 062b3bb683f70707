/** What clients of HMA send and read: lenient truths and numbers, and JSON with ratios as Python writes them. */
import { AppError } from '../../core/errors.js';
import { HmaRefusal } from './faults.js';

export type Fields = Readonly<Record<string, unknown>>;

const TRUE: ReadonlySet<string> = new Set(['true', '1', 't', 'yes', 'y', 'on']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'f', 'no', 'n', 'off']);

/** Return a truth in any form that Python's readers take. Errors HmaRefusal 400. */
export function truthOf(name: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'object' ? '' : String(value).trim().toLowerCase();
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw new HmaRefusal(400, `${name} must be true or false`);
}

/** Return a number that may be sent as text. Errors HmaRefusal 400. */
export function numberOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '');
  const number = isNumeric ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw new HmaRefusal(400, `${name} must be a number`);
  return number;
}

/** Errors HmaRefusal 400. */
export function ratioOf(value: unknown): number | undefined {
  const ratio = numberOf('enabled_ratio', value);
  if (ratio === undefined || (ratio >= 0 && ratio <= 1)) return ratio;
  throw new HmaRefusal(400, 'enabled_ratio must be from 0 to 1');
}

/** Errors HmaRefusal 400. */
export function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw new HmaRefusal(400, `${name} must be text`);
}

/** Return the fields of a JSON body. Errors HmaRefusal 400. */
export function fieldsOf(body: unknown): Fields {
  if (typeof body === 'object' && body !== null && !Array.isArray(body) && !Buffer.isBuffer(body))
    return body as Fields;
  throw new HmaRefusal(400, 'this endpoint expects a json object payload');
}

/** Return the parameters of a query; of one that comes twice the first, as Flask reads it. */
export function parametersOf(query: unknown): Readonly<Record<string, string | undefined>> {
  const entries = Object.entries(query as Readonly<Record<string, string | readonly string[]>>);
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : value[0]]));
}

/** A ratio is a fraction in every client's types, and some refuse an integer. */
const WHOLE_RATIO = /("(?:matching_)?enabled_ratio":)(\d+)(?=[,}])/g;

export const jsonText = (value: unknown): string => JSON.stringify(value).replace(WHOLE_RATIO, '$1$2.0');

/** Return what `work` returns; an error of one of these codes is refused in the interface's words. */
export async function orRefuse<T>(
  work: Promise<T>,
  refusals: Readonly<Partial<Record<AppError['code'], HmaRefusal>>>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw (error instanceof AppError ? refusals[error.code] : undefined) ?? error;
  }
}

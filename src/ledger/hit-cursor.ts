/** Cursors of hits in the order of their deadlines: the time of the first page is in them, so that later pages have its order. */
import { AppError } from '../core/errors.js';
import { HOUR_MS } from '../core/period.js';
import { dueMsOf } from '../store/hit-order.js';
import type { DueOrder, HitState } from '../store/ledger-contract.js';

/** `due`: by the next deadline, only cases whose clock runs. */
export const HIT_ORDERS = ['newest', 'oldest', 'due'] as const;
export type HitOrder = (typeof HIT_ORDERS)[number];

/** `NOW.DUE.ID`, both times in milliseconds. */
const FORM = /^(\d{1,15})\.(\d{1,15})\.(.+)$/;

export const isDueCursor = (cursor: string): boolean => FORM.test(cursor);

export const wrongCursor = (): AppError =>
  new AppError('REQUEST_INVALID', { field: 'cursor', expected: 'the cursor of a page in the same order' });

/** Return the order of a page. `hours`: deadlines, rising. Errors REQUEST_INVALID: a cursor of another order. */
export function dueOrder(cursor: string | undefined, nowMs: number, hours: readonly number[]): DueOrder {
  const deadlinesMs = hours.map((each) => each * HOUR_MS);
  if (cursor === undefined) return { nowMs, deadlinesMs };
  const [, ofFirstPage, dueMs, id] = FORM.exec(cursor) ?? [];
  if (id === undefined) throw wrongCursor();
  return { nowMs: Number(ofFirstPage), deadlinesMs, after: { dueMs: Number(dueMs), id } };
}

/** Return the cursor of the page that ends with a hit. */
export function dueCursor({ id, startedMs }: Pick<HitState, 'id' | 'startedMs'>, order: DueOrder): string {
  return `${order.nowMs}.${dueMsOf(startedMs, order)}.${id}`;
}

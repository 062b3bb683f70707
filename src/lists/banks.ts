/** Banks: lists by the names that clients of HMA's interface give them. A bank is renamed, and its list keeps its name. */
import { newId } from '../core/new-id.js';
import type { ListInfo } from '../core/vocabulary.js';
import type { ListStore, NewList } from '../store/lists-contract.js';

export interface Bank {
  readonly name: string;
  readonly list: ListInfo;
}

/** Return the banks that a tenant sees: its own, and those that are everyone's; by name. */
export function banksOf(lists: readonly ListInfo[], tenant: string): ReadonlyMap<string, Bank> {
  const seen = lists.flatMap((list): [string, Bank][] => {
    const isSeen = list.tenant === null || list.tenant === tenant;
    return list.bank !== null && list.kind === 'match' && isSeen ? [[list.bank, { name: list.bank, list }]] : [];
  });
  return new Map(seen.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Return a name that no operator gives: imports and syncs go to a list by its name, so that a tenant must not choose it.
 * The bank's own name would also say that another tenant has one.
 */
const listName = () => `bank-${newId().toLowerCase()}`;

/** Errors BANK_EXISTS, STORE_FAILED. */
export async function makeBank(
  lists: ListStore,
  bank: string,
  settings: Omit<NewList, 'list' | 'kind' | 'bank'>,
): Promise<Bank> {
  const list = await lists.createList({ ...settings, list: listName(), kind: 'match', bank });
  return { name: bank, list };
}

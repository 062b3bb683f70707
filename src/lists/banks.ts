/** Banks: lists by the names that clients of HMA's interface give them. A bank is renamed, and its list keeps its name. */
import { NAME_CHARACTERS_MAX } from '../core/limits.js';
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

/** Characters by which the lists of banks of one name differ. */
const MARK_CHARACTERS = 8;

/** Return a name for the list of a bank that resembles the bank's; lists have one each, whosever they are. */
function listNameOf(bank: string, taken: ReadonlySet<string>): string {
  const name = bank.toLowerCase().replace(/^_+/, '') || 'bank';
  const short = name.slice(0, NAME_CHARACTERS_MAX - MARK_CHARACTERS - 1);
  return taken.has(name) || name.length > NAME_CHARACTERS_MAX
    ? `${short}-${newId().slice(-MARK_CHARACTERS).toLowerCase()}`
    : name;
}

/** Errors BANK_EXISTS; REQUEST_INVALID: another process took the name of its list meanwhile; STORE_FAILED. */
export async function makeBank(
  lists: ListStore,
  bank: string,
  settings: Omit<NewList, 'list' | 'kind' | 'bank'>,
): Promise<Bank> {
  const taken = new Set((await lists.lists()).map(({ list }) => list));
  const list = await lists.createList({ ...settings, list: listNameOf(bank, taken), kind: 'match', bank });
  return { name: bank, list };
}

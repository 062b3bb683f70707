/** Banks: lists by the names that clients of HMA's interface give them. A bank is renamed, and its list keeps its name. */
import { AppError } from '../core/errors.js';
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

/** Each is a list, which every process holds, and which each look-up may name. */
export const TENANT_BANKS_MAX = 1_000;

const ofTenant = async (lists: Pick<ListStore, 'lists'>, tenant: string): Promise<readonly ListInfo[]> =>
  (await lists.lists()).filter((list) => list.tenant === tenant);

/**
 * Require that a tenant may have more entries; what is everyone's, an administrator fills. `entriesMax`: of all its lists.
 * Errors TENANT_FULL, STORE_FAILED.
 */
export async function requireRoom(
  lists: Pick<ListStore, 'lists'>,
  tenant: string | null,
  entriesMax: number,
): Promise<void> {
  if (tenant === null) return;
  const entries = (await ofTenant(lists, tenant)).reduce((sum, { entryCount }) => sum + entryCount, 0);
  if (entries >= entriesMax) throw new AppError('TENANT_FULL', { entries, most: entriesMax });
}

/** Errors BANK_EXISTS, STORE_FAILED; TENANT_FULL: the tenant has TENANT_BANKS_MAX lists. */
export async function makeBank(
  lists: Pick<ListStore, 'lists' | 'createList'>,
  bank: string,
  settings: Omit<NewList, 'list' | 'kind' | 'bank'>,
): Promise<Bank> {
  const { tenant = null } = settings;
  if (tenant !== null && (await ofTenant(lists, tenant)).length >= TENANT_BANKS_MAX)
    throw new AppError('TENANT_FULL', { lists: TENANT_BANKS_MAX });
  const list = await lists.createList({ ...settings, list: listName(), kind: 'match', bank });
  return { name: bank, list };
}

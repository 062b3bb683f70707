/** Seals batches of values in a thread, as `Vault` does: the cipher takes longer than everything else in an import or a rotation. */
import { AppError, type ErrorDetails } from '../core/errors.js';
import { VALUE_BYTES_SEALED, Vault, type VaultKeys } from './vault.js';

/** Values of one batch, one after the other. */
export interface SealTask {
  readonly keys: VaultKeys;
  /** One for each value: its label. */
  readonly labels: Uint8Array;
  /** Bytes of each value as it is given. */
  readonly lengths: Uint16Array;
  readonly values: Uint8Array;
  /** The values are sealed by any of the keys, and are sealed again by the current one. */
  readonly areSealed: boolean;
}

export interface SealedBatch {
  /** The sealed values, one after the other: each is `VALUE_BYTES_SEALED` longer than its value. */
  readonly sealed: Uint8Array;
  /** The id that is made of each value, one after the other; none for values that were sealed. */
  readonly ids: string;
}

let known: { readonly current: number; readonly vault: Vault } | null = null;

/** An error that crosses threads is a plain one: its code and details would be lost. */
export type SealOutcome =
  | { readonly ok: true; readonly batch: SealedBatch }
  /** Of SEALED_DAMAGED. */
  | { readonly ok: false; readonly details: ErrorDetails };

export default function sealInThread(task: SealTask): SealOutcome {
  try {
    return { ok: true, batch: sealBatch(task) };
  } catch (error) {
    if (error instanceof AppError && error.code === 'SEALED_DAMAGED')
      return { ok: false, details: { ...error.details } };
    throw error;
  }
}

/** Errors SEALED_DAMAGED. */
function sealBatch({ keys, labels, lengths, values, areSealed }: SealTask): SealedBatch {
  if (known === null || known.current !== keys.current) known = { current: keys.current, vault: Vault.ofKeys(keys) };
  const { vault } = known;
  const sealed = new Uint8Array(values.length + (areSealed ? 0 : labels.length * VALUE_BYTES_SEALED));
  let ids = '';
  let from = 0;
  let to = 0;
  labels.forEach((label, at) => {
    const given = values.subarray(from, from + lengths[at]!);
    const value = areSealed ? vault.open(label, given) : given;
    sealed.set(vault.seal(label, value), to);
    if (!areSealed) ids += vault.madeUpId(label, value);
    from += given.length;
    to += value.length + VALUE_BYTES_SEALED;
  });
  return { sealed, ids };
}

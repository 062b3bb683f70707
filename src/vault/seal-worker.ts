/** Seals batches of values in a thread, as `Vault` does: the cipher takes longer than everything else in an import or a rotation. */
import { putEntryDigest } from '../core/entry-digest.js';
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
  /** What else the entries have, whose digests are wanted. */
  readonly entries?: SealedEntries;
}

/** One of each value. Null: those of all entries are empty, or null. */
export interface SealedEntries {
  /** Empty: it is made of the value. */
  readonly ids: readonly string[] | null;
  readonly attributes: readonly (string | null)[] | null;
}

const DIGEST_BYTES = 32;

export interface SealedBatch {
  /** The sealed values, one after the other: each is `VALUE_BYTES_SEALED` longer than its value. */
  readonly sealed: Uint8Array;
  /** The id that is made of each value, one after the other; none for values that were sealed. */
  readonly ids: string;
  /** Those of the entries, one after the other, as they are without notes. */
  readonly digests: Uint8Array;
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

/** A buffer of its own memory: what is sent to another thread is copied with all of its memory. */
const zeroed = (bytes: number) => Buffer.from(new ArrayBuffer(bytes));

/** Errors SEALED_DAMAGED. */
function sealBatch({ keys, labels, lengths, values, areSealed, entries }: SealTask): SealedBatch {
  if (known === null || known.current !== keys.current) known = { current: keys.current, vault: Vault.ofKeys(keys) };
  const { vault } = known;
  const sealed = zeroed(values.length + (areSealed ? 0 : labels.length * VALUE_BYTES_SEALED));
  const digests = zeroed(entries === undefined ? 0 : labels.length * DIGEST_BYTES);
  let ids = '';
  let from = 0;
  let to = 0;
  labels.forEach((label, at) => {
    const given = values.subarray(from, from + lengths[at]!);
    const value = areSealed ? vault.open(label, given) : given;
    const end = to + value.length + VALUE_BYTES_SEALED;
    vault.sealInto(label, value, sealed, to);
    const madeId = areSealed ? '' : vault.madeUpId(label, value);
    ids += madeId;
    if (entries !== undefined) {
      const attributes = entries.attributes?.[at] ?? null;
      const own = sealed.subarray(to, end);
      const entry = { algorithm: label, value: own, entry_id: entries.ids?.[at] || madeId, attributes, notes: null };
      putEntryDigest(entry, digests, at * DIGEST_BYTES);
    }
    from += given.length;
    to = end;
  });
  return { sealed, ids, digests };
}

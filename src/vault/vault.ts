/**
 * Vault: list values at rest, sealed with AES-256-GCM under a data key of the store. Data keys are sealed by the master key
 * (`master-key.ts`), which is stored beside them only if no key is configured.
 *
 * Equal values of one algorithm have equal sealed forms: the nonce is a keyed hash of the value (the synthetic nonce of
 * Rogaway and Shrimpton, "Deterministic Authenticated-Encryption", 2006). So a store can keep a list's values distinct
 * without opening them, and two different values never share a nonce.
 *
 *   key id, u16 BE │ nonce, 12 bytes │ ciphertext, as long as the value │ tag, 16 bytes
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { AppError } from '../core/errors.js';

export const DATA_KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';
/** Of the number of the key, at the beginning of a sealed value. */
export const KEY_ID_BYTES = 2;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Key id and nonce: enough to distinguish the sealed values of one algorithm. */
export const VALUE_NAME_BYTES = KEY_ID_BYTES + NONCE_BYTES;
/** Bytes that sealing adds to a value. */
export const VALUE_BYTES_SEALED = VALUE_NAME_BYTES + TAG_BYTES;
/** The id has two bytes: enough for a new key a day for 179 years. */
export const DATA_KEYS_MAX = 65_535;

/** 96 bits: a billion values share no id by chance. */
const MADE_ID_DIGITS = 24;
/** 128 bits: no two digests of any ledger share one by chance. */
const MARK_BYTES = 16;
export const MADE_ID = 'made-';
/** Characters of an id that the vault makes. */
export const MADE_ID_CHARS = MADE_ID.length + MADE_ID_DIGITS;

/** Whether an id is one that a vault made of a value. */
export const isMadeUpId = (entryId: string): boolean => entryId.startsWith(MADE_ID);

/** 256 random bits that seal values, and their number in sealed values. */
export interface DataKey {
  /** 1..65,535; the highest is the current key. */
  readonly id: number;
  readonly key: Uint8Array;
}

/** What another thread of this process needs to seal as this one does. */
export interface VaultKeys {
  readonly current: number;
  readonly keys: readonly (readonly [number, Readonly<Record<keyof Derived, Uint8Array>>])[];
}

interface Derived {
  readonly value: Buffer;
  readonly nonce: Buffer;
  readonly stream: Buffer;
  readonly id: Buffer;
  readonly mark: Buffer;
}

/** Derive one key for each use, so that keys of values reveal nothing about keys of files. */
function derive(key: Uint8Array): Derived {
  const of = (use: string) => Buffer.from(hkdfSync('sha256', key, '', `zeef ${use}`, DATA_KEY_BYTES));
  return { value: of('value'), nonce: of('value nonce'), stream: of('stream'), id: of('entry id'), mark: of('mark') };
}

const damaged = (why: string, cause?: unknown) => new AppError('SEALED_DAMAGED', { why }, cause);

/** What is authenticated beside a value, by its label. */
const ABOUT: readonly Buffer[] = Array.from({ length: 256 }, (_, label) => Buffer.of(label));

/** Return the keyed hash of a labelled value, a byte a character: as a string it costs a third less than as a buffer. */
const keyedHash = (key: Buffer, label: number, value: Uint8Array): string =>
  createHmac('sha256', key).update(ABOUT[label]!).update(value).digest('binary');

/** Seal a data key. Shape: id and 32 bytes → nonce, ciphertext, tag (60 bytes). `master`: 32 bytes. */
export function wrapDataKey(master: Uint8Array, { id, key }: DataKey): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, master, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(`zeef data key ${id}`));
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
}

/** Open a sealed data key. Errors LIST_KEY_WRONG: sealed by another master key, or damaged. */
export function unwrapDataKey(master: Uint8Array, id: number, wrapped: Uint8Array): DataKey {
  try {
    const decipher = createDecipheriv(CIPHER, master, wrapped.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(`zeef data key ${id}`));
    decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
    const key = decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES));
    decipher.final();
    return { id, key };
  } catch (error) {
    throw new AppError('LIST_KEY_WRONG', {}, error);
  }
}

export class Vault {
  readonly #load: () => readonly DataKey[];
  readonly #keys = new Map<number, Derived>();
  #current = 0;

  /** `load`: returns the store's data keys; called again when a value names an unknown key. */
  constructor(load: () => readonly DataKey[]) {
    this.#load = load;
    this.refresh();
  }

  /** Return a vault with the keys of another thread. It knows no others. */
  static ofKeys({ keys }: VaultKeys): Vault {
    const vault = new Vault(() => []);
    for (const [id, { value, nonce, stream, id: idKey, mark }] of keys)
      vault.#keys.set(id, {
        value: Buffer.from(value),
        nonce: Buffer.from(nonce),
        stream: Buffer.from(stream),
        id: Buffer.from(idKey),
        mark: Buffer.from(mark),
      });
    vault.#current = Math.max(...vault.#keys.keys());
    return vault;
  }

  /** Number of the data key that seals now, as far as this process knows. It only rises. */
  get current(): number {
    return this.#current;
  }

  /** The keys, for threads of this process alone. */
  get shared(): VaultKeys {
    return { current: this.#current, keys: [...this.#keys] };
  }

  /** Load the store's current keys: another process may have changed them. Errors: those of `load`. */
  refresh(keys: readonly DataKey[] = this.#load()): void {
    for (const { id, key } of keys) if (!this.#keys.has(id)) this.#keys.set(id, derive(key));
    this.#current = Math.max(...keys.map(({ id }) => id));
  }

  /**
   * Seal a value. `label`: 0..255, the kind of value; `open` needs the same. Shape: n bytes → n + 30.
   *
   * Errors  none.
   */
  seal(label: number, value: Uint8Array): Buffer {
    const sealed = Buffer.allocUnsafe(value.length + VALUE_BYTES_SEALED);
    this.sealInto(label, value, sealed, 0);
    return sealed;
  }

  /** Seal a value, as `seal` does, into `out` from the place `at` on. */
  sealInto(label: number, value: Uint8Array, out: Buffer, at: number): void {
    const { value: key, nonce: nonceKey } = this.#keys.get(this.#current)!;
    const from = at + VALUE_NAME_BYTES;
    out.writeUInt16BE(this.#current, at);
    out.write(keyedHash(nonceKey, label, value), at + KEY_ID_BYTES, NONCE_BYTES, 'latin1');
    const nonce = out.subarray(at + KEY_ID_BYTES, from);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(ABOUT[label]!);
    out.set(cipher.update(value), from);
    cipher.final();
    out.set(cipher.getAuthTag(), from + value.length);
  }

  /**
   * Return the id of a value whose list gives none: equal for equal values, and without the key neither computed nor confirmed.
   * By the first data key, which a rotation keeps, so that ids stay. Shape: `made-` and 24 hex digits.
   */
  madeUpId(label: number, value: Uint8Array): string {
    const { id } = this.#keyOf(Math.min(...this.#keys.keys()));
    const digest = createHmac('sha256', id).update(ABOUT[label]!).update(value).digest('hex');
    return MADE_ID + digest.slice(0, MADE_ID_DIGITS);
  }

  /**
   * Return a keyed hash of a value, by which equal ones are found: by the first data key, as ids are. `label`: as in `seal`, of another use.
   * Shape: n bytes → 16.
   */
  mark(label: number, value: Uint8Array): Buffer {
    const { mark } = this.#keyOf(Math.min(...this.#keys.keys()));
    return Buffer.from(keyedHash(mark, label, value).slice(0, MARK_BYTES), 'latin1');
  }

  /** Open a sealed value. Errors SEALED_DAMAGED: modified, truncated, of another label, or sealed with an unknown key. */
  open(label: number, sealed: Uint8Array): Buffer {
    if (sealed.length < VALUE_NAME_BYTES + TAG_BYTES) throw damaged('too short');
    const { value: key } = this.#keyOf((sealed[0]! << 8) | sealed[1]!);
    try {
      const nonce = sealed.subarray(KEY_ID_BYTES, VALUE_NAME_BYTES);
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(ABOUT[label]!);
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const value = decipher.update(sealed.subarray(VALUE_NAME_BYTES, -TAG_BYTES));
      decipher.final();
      return value;
    } catch (error) {
      throw damaged('modified', error);
    }
  }

  /** Return the key of one sealed stream, by the current data key. `salt`: 16 random bytes, new for every stream. */
  newStreamKey(salt: Uint8Array): { readonly keyId: number; readonly key: Buffer } {
    return { keyId: this.#current, key: this.#streamKey(this.#keys.get(this.#current)!, salt) };
  }

  /** Return the key of an existing sealed stream. Errors SEALED_DAMAGED: unknown data key. */
  streamKey(keyId: number, salt: Uint8Array): Buffer {
    return this.#streamKey(this.#keyOf(keyId), salt);
  }

  #streamKey({ stream }: Derived, salt: Uint8Array): Buffer {
    return Buffer.from(hkdfSync('sha256', stream, salt, 'zeef one stream', DATA_KEY_BYTES));
  }

  #keyOf(id: number): Derived {
    if (!this.#keys.has(id)) this.refresh();
    const found = this.#keys.get(id);
    if (!found) throw damaged('unknown data key');
    return found;
  }
}

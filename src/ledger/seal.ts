/** Seals digests of hits: the digests of a listed file are values of that list, and are never stored in plain. `mark`: 16 bytes of a keyed hash, equal for equal bytes. */
export interface Seal {
  seal(bytes: Uint8Array): Uint8Array;
  open(bytes: Uint8Array): Uint8Array;
  mark(bytes: Uint8Array): Uint8Array;
}

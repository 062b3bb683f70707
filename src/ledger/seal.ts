/** Seals what must not lie on a disk as it is: digests of a file that is on a list are values of that list. */
export interface Seal {
  seal(bytes: Uint8Array): Uint8Array;
  open(bytes: Uint8Array): Uint8Array;
}

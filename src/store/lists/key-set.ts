/** A set of numbers, such as keys of entries, in a bit each: an import remembers which of millions its rows have named. */

const KEYS_PER_PAGE = 65_536;

export class KeySet {
  readonly #pages = new Map<number, Uint8Array>();
  size = 0;

  has(key: number): boolean {
    const page = this.#pages.get(Math.floor(key / KEYS_PER_PAGE));
    const at = key % KEYS_PER_PAGE;
    return page !== undefined && (page[at >> 3]! & (1 << (at & 7))) !== 0;
  }

  add(key: number): void {
    if (this.has(key)) return;
    const number = Math.floor(key / KEYS_PER_PAGE);
    const page = this.#pages.get(number) ?? new Uint8Array(KEYS_PER_PAGE / 8);
    this.#pages.set(number, page);
    const at = key % KEYS_PER_PAGE;
    page[at >> 3]! |= 1 << (at & 7);
    this.size++;
  }
}

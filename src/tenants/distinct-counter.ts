/**
 * Counts different values in 4 kB, however many they are: HyperLogLog with 4,096 registers, accurate to 1.6 %
 * (one standard deviation), and better for few values.
 *
 * Source  Flajolet, Fusy, Gandouet, Meunier 2007; linear counting below 2.5 values a register.
 */
const REGISTER_BITS = 12;
export const REGISTERS = 1 << REGISTER_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);
/** The highest rank: all bits of a word are 0, and one more. */
const RANK_MAX = 33;
const LINEAR_MAX = 2.5 * REGISTERS;

export class DistinctCounter {
  readonly #registers = new Uint8Array(REGISTERS);
  readonly #seeds: readonly [number, number];
  /** Count of registers by rank: every request needs an estimate. */
  readonly #ofRank = new Uint32Array(RANK_MAX + 1);

  /** `seed`: secret, so that a client cannot craft values that count as one. */
  constructor(seed: number) {
    this.#ofRank[0] = REGISTERS;
    this.#seeds = [seed >>> 0, Math.floor(seed / 2 ** 32) ^ 0x9e3779b9];
  }

  /** Shape: N × `width` bytes, values end to end. */
  addAll(values: Uint8Array, width: number): void {
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let at = 0; at + width <= values.length; at += width) {
      let [a, b] = this.#seeds;
      for (let word = at; word < at + width; word += 4) {
        const bits = view.getUint32(word, true);
        a = mix(a ^ bits);
        b = mix(b + bits);
      }
      const register = a >>> (32 - REGISTER_BITS);
      // The position of the first 1 in the other half; the highest position occurs once in 4 billion values.
      const rank = Math.clz32(mix(b ^ a)) + 1;
      this.#raise(register, rank);
    }
  }

  /** Merge the registers of a counter with the same seed. */
  join(registers: Uint8Array): void {
    for (let at = 0; at < REGISTERS; at++) this.#raise(at, Math.min(registers[at] ?? 0, RANK_MAX));
  }

  /** A copy. */
  get registers(): Uint8Array {
    return this.#registers.slice();
  }

  get estimate(): number {
    const sum = this.#ofRank.reduce((total, count, rank) => total + count * 2 ** -rank, 0);
    const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
    const empty = this.#ofRank[0]!;
    return Math.round(raw <= LINEAR_MAX && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw);
  }

  #raise(register: number, rank: number): void {
    const before = this.#registers[register]!;
    if (rank <= before) return;
    this.#registers[register] = rank;
    this.#ofRank[before]!--;
    this.#ofRank[rank]!++;
  }
}

/** Mix: every bit of the result depends on every bit of `word`. Source: MurmurHash3's finaliser. */
function mix(word: number): number {
  let v = word;
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return v ^ (v >>> 16);
}

/**
 * How many different values were seen, in 4 kB, however many they are: HyperLogLog with 4,096 registers, off by 1.6 %
 * (one standard deviation), and by less where few were seen.
 *
 * Source  Flajolet, Fusy, Gandouet, Meunier 2007; linear counting below 2.5 values a register.
 */
const REGISTER_BITS = 12;
export const REGISTERS = 1 << REGISTER_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);
/** All bits of a word are 0, and one more. */
const RANK_MAX = 33;
const LINEAR_MAX = 2.5 * REGISTERS;

export class DistinctCounter {
  readonly #registers = new Uint8Array(REGISTERS);
  readonly #seeds: readonly [number, number];
  /** How many registers hold each rank: an estimate is asked for with every request. */
  readonly #ofRank = new Uint32Array(RANK_MAX + 1);

  /** `seed`: unknown to whoever sends the values, who could otherwise make values that count as one. */
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
      // The place of the first 1 in the other half; the highest place is seen once in 4 billion values.
      const rank = Math.clz32(mix(b ^ a)) + 1;
      this.#raise(register, rank);
    }
  }

  /** What another counter of the same seed saw. */
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

/** Every bit of the result hangs on every bit of `word`. Source: MurmurHash3's finaliser. */
function mix(word: number): number {
  let v = word;
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return v ^ (v >>> 16);
}

/**
 * How many different values were seen, in 4 kB, however many they are: HyperLogLog with 4,096 registers, off by 1.6 %
 * (one standard deviation), and by less where few were seen.
 *
 * Source  Flajolet, Fusy, Gandouet, Meunier 2007; linear counting below 2.5 values a register.
 */
const REGISTER_BITS = 12;
export const REGISTERS = 1 << REGISTER_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);
const LINEAR_MAX = 2.5 * REGISTERS;

export class DistinctCounter {
  readonly #registers = new Uint8Array(REGISTERS);
  readonly #seeds: readonly [number, number];
  #estimate: number | null = 0;

  /** `seed`: unknown to whoever sends the values, who could otherwise make values that count as one. */
  constructor(seed: number) {
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
      if (rank > this.#registers[register]!) {
        this.#registers[register] = rank;
        this.#estimate = null;
      }
    }
  }

  /** What another counter of the same seed saw. */
  join(registers: Uint8Array): void {
    for (let at = 0; at < REGISTERS; at++) {
      if ((registers[at] ?? 0) > this.#registers[at]!) this.#registers[at] = registers[at]!;
    }
    this.#estimate = null;
  }

  /** A copy. */
  get registers(): Uint8Array {
    return this.#registers.slice();
  }

  get estimate(): number {
    this.#estimate ??= estimateOf(this.#registers);
    return this.#estimate;
  }
}

/** Every bit of the result hangs on every bit of `word`. Source: MurmurHash3's finaliser. */
function mix(word: number): number {
  let v = word;
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return v ^ (v >>> 16);
}

function estimateOf(registers: Uint8Array): number {
  let sum = 0;
  let empty = 0;
  for (const rank of registers) {
    sum += 2 ** -rank;
    if (rank === 0) empty++;
  }
  const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
  return Math.round(raw <= LINEAR_MAX && empty > 0 ? REGISTERS * Math.log(REGISTERS / empty) : raw);
}

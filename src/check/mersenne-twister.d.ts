declare module 'mersenne-twister' {
  export default class MersenneTwister {
    /** Seeded by an array of numbers of 32 bits. */
    constructor(seed: readonly number[]);
    /** The next number of 53 bits, 0 to below 1. */
    random_long(): number;
  }
}

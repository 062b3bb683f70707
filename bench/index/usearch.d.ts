/** The used part of usearch: an optional dependency, whose own types are missing where it could not be installed. */
declare module 'usearch' {
  class Index {
    constructor(options: {
      dimensions: number;
      metric: 'hamming';
      /** One bit for each value above 0. */
      quantization: 'b1';
      connectivity: number;
      expansion_add: number;
      expansion_search: number;
    });
    add(keys: BigUint64Array, vectors: Int8Array, threads: number): void;
    search(vector: Int8Array, count: number, threads: number): { keys: BigUint64Array; distances: Float32Array };
    save(path: string): void;
    load(path: string): void;
  }

  export { Index };
}

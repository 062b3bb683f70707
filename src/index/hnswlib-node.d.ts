/** The used part of hnswlib-node: an optional dependency, whose own types are missing where it was not compiled. */
declare module 'hnswlib-node' {
  class HierarchicalNSW {
    constructor(space: 'l2' | 'ip' | 'cosine', dimensions: number);
    initIndex(capacity: number, m: number, efConstruction: number): void;
    resizeIndex(capacity: number): void;
    addPoint(vector: number[], label: number): void;
    getPoint(label: number): number[];
    setEf(ef: number): void;
    searchKnn(vector: number[], count: number): { distances: number[]; neighbors: number[] };
  }
  const hnswlib: { HierarchicalNSW: typeof HierarchicalNSW };
  export default hnswlib;
}

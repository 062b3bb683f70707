declare module 'blockhash-core' {
  /** `data`: RGBA, four bytes a pixel. Result: hex of bits² bits. */
  export function bmvbhash(image: { width: number; height: number; data: Uint8Array }, bits: number): string;
}

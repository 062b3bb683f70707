/** Types of the used part of libheif-js; the package has types only for its raw module. */
declare module 'libheif-js/wasm-bundle.js' {
  interface Pixels {
    readonly data: Uint8ClampedArray;
    readonly width: number;
    readonly height: number;
  }
  interface HeifImage {
    is_primary(): boolean;
    get_width(): number;
    get_height(): number;
    /** Fill `pixels.data` with R G B and alpha; calls back with null if decoding failed. */
    display(pixels: Pixels, done: (shown: Pixels | null) => void): void;
    free(): void;
  }
  interface HeifContext {
    readonly __opaque: never;
  }
  const libheif: {
    HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[]; decoder: HeifContext | null };
    heif_context_free(context: HeifContext): void;
  };
  export default libheif;
}

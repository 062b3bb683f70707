/** Types of the used part of libheif-js; the package's own need the types of a browser. */
declare module 'libheif-js/libheif-wasm/libheif.js' {
  interface HeifImage {
    readonly handle: unknown;
    is_primary(): boolean;
    get_width(): number;
    get_height(): number;
    has_alpha_channel(): boolean;
    free(): void;
  }
  interface HeifContext {
    readonly __opaque: never;
  }
  interface Plane {
    readonly id: unknown;
    readonly width: number;
    readonly height: number;
    /** Bytes from one row to the next. */
    readonly stride: number;
    /** A view of libheif's memory. */
    readonly data: Uint8Array;
  }
  interface Libheif {
    HeifImage: new () => HeifImage;
    HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[]; decoder: HeifContext | null };
    heif_context_free(context: HeifContext): void;
    heif_js_decode_image2(
      handle: unknown,
      colorspace: unknown,
      chroma: unknown,
    ): { readonly image: unknown; readonly channels: readonly Plane[] } | { readonly code: unknown } | undefined;
    heif_image_release(image: unknown): void;
    readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
    readonly heif_chroma: {
      readonly heif_chroma_interleaved_RGB: unknown;
      readonly heif_chroma_interleaved_RGBA: unknown;
    };
    readonly heif_channel: { readonly heif_channel_interleaved: unknown };
    readonly heif_error_code: { readonly heif_error_Memory_allocation_error: unknown };
  }
  /** Make an instance with a memory of its own. */
  const libheif: (options: {
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance) => WebAssembly.Exports,
    ): WebAssembly.Exports;
  }) => Libheif;
  export default libheif;
}

/**
 * JPEG XL images of all kinds in sRGB, by an older libjxl in WebAssembly; loaded with the first of them.
 * It takes three times the memory of `magick.ts`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AppError } from '../core/errors.js';
import { collectGarbage } from '../core/garbage.js';
import type { Raster } from '../core/vocabulary.js';

/** Memory of an instance that waits for the next image. A larger one is dropped: memory of WebAssembly never shrinks. */
export const WASM_KEPT_BYTES_MAX = 134_217_728;

type Instance = Awaited<ReturnType<typeof import('@jsquash/jxl/codec/dec/jxl_dec.js')['default']>>;

let loading: Promise<() => Promise<Instance>> | undefined;
let instance: Instance | undefined;

async function load(): Promise<() => Promise<Instance>> {
  const { default: create } = await import('@jsquash/jxl/codec/dec/jxl_dec.js');
  const path = createRequire(import.meta.url).resolve('@jsquash/jxl/codec/dec/jxl_dec.wasm');
  const code = new WebAssembly.Module(readFileSync(path));
  return () =>
    create({
      noInitialRun: true,
      instantiateWasm(imports: WebAssembly.Imports, done: (made: WebAssembly.Instance) => void) {
        const made = new WebAssembly.Instance(code, imports);
        done(made);
        return made.exports;
      },
    });
}

function rasterOf(used: Instance, codestream: Uint8Array): Raster {
  const image = used.decode(codestream as Uint8Array<ArrayBuffer>);
  if (!image) throw new AppError('IMAGE_CORRUPT', { format: 'jxl' });
  const { width, height, data } = image;
  return { width, height, channels: 4, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/**
 * Decode the first frame of a codestream.
 *
 * Shape   → R G B and alpha, not premultiplied, in sRGB, oriented as shown.
 * Errors  IMAGE_CORRUPT.
 */
export async function decodeByJsquash(codestream: Uint8Array): Promise<Raster> {
  loading ??= load();
  const create = await loading;
  instance ??= await create();
  try {
    return rasterOf(instance, codestream);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // An instance that stopped midway is not to be trusted.
    instance = undefined;
    throw new AppError('IMAGE_CORRUPT', { format: 'jxl' }, error);
  } finally {
    if ((instance?.HEAPU8.length ?? 0) > WASM_KEPT_BYTES_MAX) {
      instance = undefined;
      setImmediate(collectGarbage);
    }
  }
}

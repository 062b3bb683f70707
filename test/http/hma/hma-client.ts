/** Calls of the interface of HMA over HTTP, as clients make them. */
import sharp from 'sharp';
import { sceneRaster } from '../../support/random.js';

/** A photo over 512 pixels, so that its hash from the full size is another one; near no image that ships. */
export function photoOf(seed: number): Promise<Buffer> {
  const { data, width, height } = sceneRaster(seed, 800, 600, 3);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  // The shape is what is tested.
  // biome-ignore lint/suspicious/noExplicitAny: of any call
  readonly json: any;
}

interface Call {
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function call(
  base: string,
  method: string,
  path: string,
  { json, form, headers = {} }: Call = {},
): Promise<Answer> {
  const body = form ?? (json === undefined ? undefined : JSON.stringify(json));
  const response = await fetch(base + path, {
    method,
    redirect: 'manual',
    headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
  return { status: response.status, type, text, json: parsed };
}

export function formOf(parts: Readonly<Record<string, string | Buffer>>): FormData {
  const form = new FormData();
  for (const [name, part] of Object.entries(parts))
    if (typeof part === 'string') form.append(name, part);
    // As policyserv sends it.
    else form.append(name, new Blob([new Uint8Array(part)], { type: 'application/octet-stream' }), 'x');
  return form;
}

/** Flip the first bits of a hash, 31 at most of its first 32. */
export const flipped = (hex: string, bits: number): string => {
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const head = (Number.parseInt(hex.slice(0, 8), 16) ^ mask) >>> 0;
  return head.toString(16).padStart(8, '0') + hex.slice(8);
};

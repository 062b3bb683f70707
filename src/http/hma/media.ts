/** Media that clients of HMA send or name, and their signals. */
import type { FastifyRequest } from 'fastify';
import { ownHashes } from '../../cases/add-images.js';
import type { HashAnswer } from '../../check/answers.js';
import type { ArrivedImage } from '../../check/read-image.js';
import { isLowQuality } from '../../core/pdq-quality.js';
import { DIGEST_ALGORITHMS, type Digests } from '../../core/vocabulary.js';
import { identify } from '../../decode/identify.js';
import { computeDigests } from '../../kernels/digests.js';
import type { Service } from '../../service/service.js';
import { overrunOf } from '../counted-body.js';
import { PLAIN_ENCODINGS, parsed, readFilePart } from '../file-parts.js';
import { HmaRefusal } from './faults.js';
import { parametersOf } from './forms.js';

export const CONTENT_TYPES = ['photo', 'video'] as const;
type ContentType = (typeof CONTENT_TYPES)[number];
/** Signals of each type of content, by HMA's names. */
export const SIGNAL_OF = { photo: 'pdq', video: 'video_md5' } as const satisfies Record<ContentType, string>;
export type SignalType = (typeof SIGNAL_OF)[ContentType];
export const SIGNAL_TYPES: readonly SignalType[] = ['pdq', 'video_md5'];

export interface Media {
  readonly image: ArrivedImage;
  readonly contentType: ContentType;
  /** Fields of text beside the file. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Errors HmaRefusal 400. */
function contentTypeOf(name: string): ContentType {
  const known = CONTENT_TYPES.find((type) => type === name);
  if (known === undefined) throw new HmaRefusal(400, `no such content_type: '${name}'`);
  return known;
}

/** Errors HmaRefusal 400. */
export function signalTypeOf(name: string): SignalType {
  const known = SIGNAL_TYPES.find((type) => type === name);
  if (known === undefined) throw new HmaRefusal(400, `No such SignalType '${name}'`);
  return known;
}

/** Return whether the signal of a type of content is asked for. Errors HmaRefusal 400: another signal is. */
export function isAsked(contentType: ContentType, types: string | undefined): boolean {
  if (types === undefined) return true;
  const names = types.split(',').flatMap((name) => name.trim() || []);
  const other = names.find((name) => name !== SIGNAL_OF[contentType]);
  if (other !== undefined) throw new HmaRefusal(400, `signal type '${other}' doesn't exist or is disabled`);
  return names.length > 0;
}

/** Read the one file of a form, whose field is its type of content. Errors HmaRefusal 400; REQUEST_INVALID; those of the connection. */
export async function mediaOf(request: FastifyRequest, { config: { imageBytesMax } }: Service): Promise<Media> {
  if (!request.isMultipart()) throw new HmaRefusal(400, 'Missing multipart/form-data file upload');
  const parts = request.parts();
  const overrun = overrunOf(request);
  const fields: Record<string, string> = {};
  let found: Pick<Media, 'image' | 'contentType'> | null = null;
  for (;;) {
    const { value: part, done } = await parsed(parts.next(), overrun);
    if (done) break;
    if (part.type === 'field') {
      if (part.valueTruncated || part.fieldnameTruncated) throw new HmaRefusal(400, `${part.fieldname} is too long`);
      fields[part.fieldname] = String(part.value);
      continue;
    }
    const contentType = contentTypeOf(part.fieldname);
    if (!PLAIN_ENCODINGS.includes(part.encoding.toLowerCase()))
      throw new HmaRefusal(
        400,
        'Content-Transfer-Encoding must be binary: the bytes that come would be those of a text',
      );
    if (found !== null) throw new HmaRefusal(400, 'Only one file allowed per request');
    found = { contentType, image: await parsed(readFilePart(part.file, imageBytesMax), overrun) };
  }
  if (found === null) throw new HmaRefusal(400, 'Missing multipart/form-data file upload');
  requireContent(found);
  return { ...found, fields };
}

/** A video is looked up by its digests, and those of nothing are those of every empty file. Errors HmaRefusal 400. */
function requireContent({ image }: Pick<Media, 'image'>): void {
  if ('bytes' in image && image.bytes.length === 0) throw new HmaRefusal(400, 'the file is empty');
}

/** Return the kind of a file that says nothing else; null: it is neither. */
function kindOf(image: ArrivedImage, reason: HashAnswer['reason']): ContentType | null {
  if (reason === null || (reason !== 'not_an_image' && reason !== 'unsupported_format')) return 'photo';
  return 'bytes' in image && identify(image.bytes)?.group === 'video' ? 'video' : null;
}

/** Fetch the file of an address. Errors as `UrlReader`; HmaRefusal 413, 400. */
export async function mediaAt(service: Service, url: string, contentType: string | undefined): Promise<Media> {
  const image = await service.urls.read(url);
  if ('tooLarge' in image && contentType !== 'video') throw new HmaRefusal(413, 'Content too large');
  requireContent({ image });
  if (contentType) return { image, contentType: contentTypeOf(contentType), fields: {} };
  // A host may call a file anything: what it is says the file.
  const kind = kindOf(image, (await hashesOf(service, image)).reason);
  if (kind === null)
    throw new HmaRefusal(
      400,
      'unsupported url ContentType; if you know the expected type, provide it with the content_type query param',
    );
  return { image, contentType: kind, fields: {} };
}

/** The file of a request: at the address of its query, or in its form. */
export function mediaIn(service: Service, request: FastifyRequest): Promise<Media> {
  const { url, content_type: contentType } = parametersOf(request.query);
  return url ? mediaAt(service, url, contentType) : mediaOf(request, service);
}

/** Return the hashes of an image. Errors QUEUE_FULL, SHUTTING_DOWN, DECODER_UNAVAILABLE. */
const hashesOf = (service: Service, image: ArrivedImage): Promise<HashAnswer> =>
  service.hashImage(image, {
    detail: 'plain',
    digests: DIGEST_ALGORITHMS,
    families: 'both',
    algorithms: ['pdq'],
    orientations: 'none',
    frames: 1,
  });

/** Errors HmaRefusal 400: a file too large for its digests to be taken. */
export function digestsOf(image: ArrivedImage): Digests {
  return 'bytes' in image ? computeDigests(image.bytes, DIGEST_ALGORITHMS) : image.tooLarge.digests;
}

/** Errors HmaRefusal 400: it cannot be decoded. */
function requireDecoded({ reason, code }: Pick<HashAnswer, 'reason' | 'code'>): void {
  if (reason !== null) throw new HmaRefusal(400, `the photo could not be hashed: ${code ?? reason}`);
}

/** Return the hash that HMA would have: of the image at its size. Empty where the image has too little detail, as HMA says it. */
function pdqOf({ pdq, pdqFull, degenerate }: HashAnswer): string {
  const shown = pdqFull ?? pdq;
  return shown === null || isLowQuality(shown.quality, degenerate) ? '' : shown.hash;
}

/** Return the signals of a file by HMA's names. Errors HmaRefusal 400. */
export async function signalsOf(
  service: Service,
  { image, contentType }: Media,
): Promise<Readonly<Record<string, string>>> {
  if (contentType === 'video') return { video_md5: digestsOf(image).md5 ?? '' };
  const hashed = await hashesOf(service, image);
  requireDecoded(hashed);
  return { pdq: pdqOf(hashed) };
}

/** Return the values of a file that its content gets: of a photo both PDQ hashes and the digests, so that what has no hash matches too. */
export async function valuesOf(service: Service, { image, contentType }: Media) {
  const digests = digestsOf(image);
  const ofFile = DIGEST_ALGORITHMS.flatMap((algorithm) => {
    const value = digests[algorithm];
    return value === undefined ? [] : [{ algorithm, value }];
  });
  if (contentType === 'video') return { values: ofFile, signals: { video_md5: digests.md5 ?? '' } };
  const hashed = await hashesOf(service, image);
  requireDecoded(hashed);
  const shown = pdqOf(hashed);
  // The one that is returned first: it is read back as the content's.
  const hashes = ownHashes(hashed).sort((a, b) => Number(b === shown) - Number(a === shown));
  const values = [...hashes.map((value) => ({ algorithm: 'pdq' as const, value })), ...ofFile];
  return { values, signals: { pdq: shown } };
}

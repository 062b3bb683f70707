/**
 * Project VIC and CAID: VICS, JSON in OData's layout, data models 1.1 to 2.0. A case export wraps the same media in
 * `value[].Media`. Category numbers are specific to a region, so the region is kept with them: `US/1`.
 */
import type { ParsedRow } from '../../core/parsed-row.js';
import { normalise, type RawFields } from '../normalise.js';
import type { ListSource } from '../source.js';
import { asArray, asObject, asText, jsonRecords } from './json-records.js';

/** The context comes first in the file, and names the region: `.../DataModels/2.0.xml/US/$metadata#Media`. */
const REGION = /DataModels\/[\w.-]+?\.xml\/([A-Za-z]{2,8})\//;
const REGION_BYTES = 4_096;
/** Members of a media record that are fields of the entry, in VICS's spelling. */
const MAPPED = new Set(['MediaID', 'Category', 'MD5', 'SHA1', 'MimeType', 'DateUpdated', 'Tags']);

export async function* parseVics({ bytes, ...options }: ListSource): AsyncGenerator<ParsedRow> {
  let head = '';
  let region: string | null = null;
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      if (region === null && head.length < REGION_BYTES) {
        head += Buffer.from(chunk).subarray(0, REGION_BYTES).toString('latin1');
        region = REGION.exec(head)?.[1]?.toUpperCase() ?? null;
      }
      yield chunk;
    }
  }
  let number = 0;
  for await (const { value } of jsonRecords(watched(), ['$.value.*', '$.value.*.Media.*'])) {
    const media = asObject(value);
    // The case object itself: its media have been emitted before it.
    if (media && 'Media' in media) continue;
    number++;
    if (media) yield* rowsOf(media, region, number, options);
    else yield { ok: false, line: number, reason: 'malformed' };
  }
}

function* rowsOf(
  media: Readonly<Record<string, unknown>>,
  region: string | null,
  line: number,
  options: Omit<ListSource, 'bytes'>,
): Generator<ParsedRow> {
  const number = asText(media.Category)?.trim();
  const category = number === undefined ? undefined : number === '0' ? '0' : region ? `${region}/${number}` : number;
  const tags =
    asText(media.Tags)
      ?.split(/[,;]/)
      .map((tag) => tag.trim()) ?? [];
  const common: RawFields = {
    value: '',
    entryId: asText(media.MediaID),
    category,
    source: asText(media.Series),
    mediaType: asText(media.MimeType),
    updatedAt: asText(media.DateUpdated),
    tags: tags.filter(Boolean),
    notes: notesOf(media),
  };
  const others = asArray(media.AlternativeHashes).map(asObject);
  const values: [string, string | undefined][] = [
    ['md5', asText(media.MD5)],
    ['sha1', asText(media.SHA1)],
    ...others.map((other): [string, string | undefined] => [
      asText(other?.HashName) ?? 'unnamed',
      asText(other?.HashValue),
    ]),
  ];
  const given = values.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  // A record without values may still say that its entry is known good, or of another category.
  if (given.length === 0) yield normalise(common, line, options);
  for (const [algorithm, value] of given) yield normalise({ ...common, algorithm, value }, line, options);
}

/** Return the other members by their own names: `VictimIdentified`, `Series`, `MediaSize`. OData's annotations are none. */
function notesOf(media: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const notes: Record<string, string> = {};
  for (const [name, member] of Object.entries(media)) {
    if (MAPPED.has(name) || name.includes('odata.')) continue;
    const text = typeof member === 'boolean' ? String(member) : asText(member);
    if (text !== undefined) notes[name] = text;
  }
  return notes;
}

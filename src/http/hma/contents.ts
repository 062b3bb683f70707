/** `/c/bank/{name}/content` and `/signal`: contents are entries, by their numbers. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  addContent,
  type Content,
  type ContentChange,
  type ContentFacts,
  changeContent,
  contentById,
  inactiveOf,
  keptWith,
  METADATA_CHARACTERS_MAX,
} from '../../cases/contents.js';
import { ENTRY_KEY_MAX, NOTE_CHARACTERS_MAX } from '../../core/limits.js';
import type { Algorithm } from '../../core/vocabulary.js';
import { type Bank, banksOf } from '../../lists/banks.js';
import type { Service } from '../../service/service.js';
import { parseJson } from '../json-body.js';
import { type BankParams, bankShown } from './banks.js';
import { bankSeen, type Door, listsOf, ownBank } from './door.js';
import { HmaRefusal } from './faults.js';
import { fieldsOf, numberOf, orRefuse, parametersOf, textOf, truthOf } from './forms.js';
import { isAsked, mediaIn, type SignalType, signalTypeOf, valuesOf } from './media.js';

interface ContentParams extends BankParams {
  readonly content: string;
}

/** How far ahead a content may be disabled: HMA's five years. */
const DISABLED_S_MAX = 5 * 365 * 86_400;
/** HMA's values of `disable_until_ts` that are no times: a content that counts, and one that is disabled for ever. */
const COUNTS = 1;
const FOR_EVER = 0;

/** Errors HmaRefusal 400. */
function metadataOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  let metadata: unknown = value;
  if (typeof value === 'string') {
    try {
      metadata = parseJson(Buffer.from(value));
    } catch {
      throw new HmaRefusal(400, 'metadata should be a json object');
    }
  }
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw new HmaRefusal(400, 'metadata should be a json object');
  const { content_id: contentId, content_uri: uri, json } = metadata as Readonly<Record<string, unknown>>;
  const kept = JSON.stringify({
    content_id: textOf('metadata.content_id', contentId),
    content_uri: textOf('metadata.content_uri', uri),
    json: json ?? undefined,
  });
  if (kept.length > METADATA_CHARACTERS_MAX)
    throw new HmaRefusal(400, `metadata has more than ${METADATA_CHARACTERS_MAX} characters`);
  return kept;
}

/** Errors HmaRefusal 400. */
function noteOf(value: unknown): string | undefined {
  const note = textOf('note', value);
  if (note === undefined || note.length <= NOTE_CHARACTERS_MAX) return note;
  throw new HmaRefusal(400, `note has more than ${NOTE_CHARACTERS_MAX} characters`);
}

/** Return what is kept with a content, from the fields of a form or of a body in JSON. Errors HmaRefusal 400. */
function factsIn({ body }: FastifyRequest, fields: Readonly<Record<string, string>>): ContentFacts {
  const given = body === undefined || body === null || Buffer.isBuffer(body) ? fields : fieldsOf(body);
  return { note: noteOf(given.note), metadata: metadataOf(given.metadata) };
}

/** Add a content. Errors HmaRefusal 400: a value that unrelated files share; those of `addContent`. */
function add(
  service: Service,
  request: FastifyRequest,
  { list }: Bank,
  content: Omit<Parameters<typeof addContent>[1], 'list' | 'tenantEntriesMax'>,
): Promise<Content> {
  const { tenantEntriesMax } = service.config;
  return orRefuse(addContent(listsOf(service, request), { list: list.list, tenantEntriesMax, ...content }), {
    VALUE_INVALID: new HmaRefusal(400, 'Invalid signal: unrelated files share this value'),
  });
}

export function contentRoutes(app: FastifyInstance, door: Door): void {
  addMediaRoute(app, door);
  addSignalsRoute(app, door);
  readRoute(app, door);
  changeRoute(app, door);
  removeRoute(app, door);
}

function addMediaRoute(app: FastifyInstance, { service, as, send, upload }: Door): void {
  app.post<{ Params: BankParams }>('/c/bank/:bank/content', { ...as.curate, ...upload }, async (request, reply) => {
    const bank = await ownBank(service, request, request.params.bank);
    const { url, types } = parametersOf(request.query);
    if (!url && !request.isMultipart())
      throw new HmaRefusal(400, 'Neither `url` nor multipart file upload was received');
    const media = await mediaIn(service, request);
    if (!isAsked(media.contentType, types)) throw new HmaRefusal(400, 'No signals given');
    const { values, signals } = await valuesOf(service, media);
    const facts = factsIn(request, media.fields);
    const { contentId } = await add(service, request, bank, { ...facts, values, mediaType: media.contentType });
    await service.reload();
    return send(reply, { id: contentId, signals });
  });
}

/** Return a signal that a client sends as the value that it is. Errors HmaRefusal 400. */
function signalSent(name: string, sent: unknown): { readonly algorithm: Algorithm; readonly value: string } {
  const signalType = signalTypeOf(name);
  const text = typeof sent === 'string' ? sent : '';
  const value = signalType === 'pdq' ? text : text.trim().toLowerCase();
  const [algorithm, form] =
    signalType === 'pdq' ? (['pdq', /^[0-9a-f]{64}$/] as const) : (['md5', /^[0-9a-f]{32}$/] as const);
  if (!form.test(value)) throw new HmaRefusal(400, `Invalid ${name} signal`);
  return { algorithm, value };
}

function addSignalsRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.post<{ Params: BankParams }>('/c/bank/:bank/signal', as.curate, async (request, reply) => {
    const bank = await ownBank(service, request, request.params.bank);
    const { note, metadata, ...sent } = fieldsOf(request.body);
    const values = Object.entries(sent).map(([name, signal]) => [name, signalSent(name, signal)] as const);
    if (values.length === 0) throw new HmaRefusal(400, 'No signals given');
    const { contentId } = await add(service, request, bank, {
      note: noteOf(note),
      metadata: metadataOf(metadata),
      values: values.map(([, value]) => value),
      mediaType: values.every(([name]) => name === 'video_md5') ? 'video' : null,
    });
    await service.reload();
    return send(reply, {
      id: contentId,
      signals: Object.fromEntries(values.map(([name, { value }]) => [name, value])),
    });
  });
}

/** Return the number of a content; null for what no content has. */
function contentIdOf(id: string): number | null {
  const contentId = /^\d{1,10}$/.test(id) ? Number(id) : 0;
  return contentId >= 1 && contentId <= ENTRY_KEY_MAX ? contentId : null;
}

/** Return a content that the caller sees, by its number: in whatever bank, as HMA reads it. Errors HmaRefusal 404. */
async function contentSeen(service: Service, request: FastifyRequest<{ Params: ContentParams }>) {
  const { bank, content: id } = request.params;
  await bankSeen(service, request, bank);
  const missing = () => new HmaRefusal(404, `content '${id.slice(0, 20)}' not found`);
  const contentId = contentIdOf(id);
  const content = contentId === null ? null : await contentById(listsOf(service, request), contentId);
  const banks = banksOf(await service.lists(), request.caller.tenant);
  const its = [...banks.values()].find(({ list }) => list.list === content?.list);
  if (content === null || its === undefined) throw missing();
  return { content, bank: its };
}

function timeOf(held: Content['held']): number {
  const inactive = inactiveOf(held);
  if (inactive === null) return COUNTS;
  return inactive === 'forever' ? FOR_EVER : Math.floor(Date.parse(inactive.until) / 1000);
}

function contentShown({ contentId, held }: Content, bank: Bank) {
  const { note, metadata } = keptWith(held);
  return {
    bank: bankShown(bank),
    disable_until_ts: timeOf(held),
    id: contentId,
    original_media_uri: null,
    ...(metadata === null ? {} : { metadata }),
    ...(note === null ? {} : { note }),
  };
}

/** Return the signals of a content: the first value of each type. */
function signalsIn(held: Content['held']): Readonly<Partial<Record<SignalType, string>>> {
  const first = (algorithm: Algorithm) => held.find((one) => one.algorithm === algorithm);
  const pdq = first('pdq')?.value;
  const md5 = first('md5');
  const isVideo = md5 !== undefined && (md5.mediaType?.startsWith('video') || pdq === undefined);
  return { ...(pdq === undefined ? {} : { pdq }), ...(isVideo ? { video_md5: md5.value } : {}) };
}

function readRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.get<{ Params: ContentParams }>('/c/bank/:bank/content/:content', as.match, async (request, reply) => {
    const query = parametersOf(request.query);
    const wantsSignals = truthOf('include_signals', query.include_signals) ?? false;
    const wantsMetadata = truthOf('include_metadata', query.include_metadata) ?? true;
    const { caller } = request;
    if (wantsSignals && !caller.scopes.has('signals') && !caller.scopes.has('admin'))
      throw new HmaRefusal(
        403,
        'include_signals needs a key with the scope signals: hashes are not returned otherwise',
      );
    const { content, bank } = await contentSeen(service, request);
    const { metadata, ...shown } = contentShown(content, bank);
    const asked = wantsMetadata && metadata !== undefined ? { ...shown, metadata } : shown;
    if (!wantsSignals) return send(reply, asked);
    const { list, entryId, held } = content;
    const about = { action: 'entries.signals', target: list, tenant: caller.tenant, details: { entryId } } as const;
    const signals = await service.audit.withAudit(caller.actor, about, async () => signalsIn(held));
    return send(reply, { ...asked, signals });
  });
}

/** Return what `disable_until_ts` asks for. Errors HmaRefusal 400. */
function inactiveIn(value: unknown): ContentChange['inactive'] {
  const seconds = numberOf('disable_until_ts', value);
  if (seconds === undefined) return undefined;
  if (!Number.isInteger(seconds) || seconds < 0)
    throw new HmaRefusal(400, 'disable_until_ts must be a non-negative integer');
  if (seconds > Date.now() / 1000 + DISABLED_S_MAX)
    throw new HmaRefusal(400, 'disable_until_ts must be less than 5 years in the future');
  if (seconds === FOR_EVER) return 'forever';
  return seconds === COUNTS ? null : { until: new Date(seconds * 1000).toISOString() };
}

function changeRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.put<{ Params: ContentParams }>('/c/bank/:bank/content/:content', as.curate, async (request, reply) => {
    const { content, bank } = await contentSeen(service, request);
    await ownBank(service, request, bank.name);
    const { disable_until_ts: until, note } = fieldsOf(request.body);
    const change = { inactive: inactiveIn(until), note: noteOf(note) };
    const changed = await changeContent(listsOf(service, request), content, change);
    await service.reload();
    return send(reply, contentShown(changed, bank));
  });
}

function removeRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.delete<{ Params: ContentParams }>('/c/bank/:bank/content/:content', as.curate, async (request, reply) => {
    const { list } = await ownBank(service, request, request.params.bank);
    const { content: id } = request.params;
    const lists = listsOf(service, request);
    const contentId = contentIdOf(id);
    const content = contentId === null ? null : await contentById(lists, contentId);
    // HMA removes it from the named bank alone.
    if (content === null || content.list !== list.list) return send(reply, { deleted: 0 });
    const removed = await lists.changeEntries(content.list, { entryId: content.entryId }, 'remove');
    await service.reload();
    return send(reply, { deleted: Math.min(1, removed) });
  });
}

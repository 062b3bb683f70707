/** `/m`: look-ups in banks. Each is a check as any other: counted, watched, and on record before its answer. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CheckOptions } from '../../check/check-image.js';
import { compareHashes } from '../../check/compare-hashes.js';
import { drawOf, SEED_CHARACTERS_MAX } from '../../check/draw.js';
import type { Match } from '../../check/policy.js';
import { FRAMES_DEFAULT } from '../../core/limits.js';
import type { Algorithm, ListInfo } from '../../core/vocabulary.js';
import { valueFault } from '../../hashlists/value-rules.js';
import type { Bank } from '../../lists/banks.js';
import { mayFind } from '../../lists/in-force.js';
import type { Service } from '../../service/service.js';
import { watchImage } from '../../tenants/watched.js';
import { answerOneHash } from '../one-hash.js';
import { banksSearched, banksSeen, type Door } from './door.js';
import { HmaRefusal } from './faults.js';
import { fieldsOf, orRefuse, parametersOf, truthOf } from './forms.js';
import { type FoundByBank, foundByBank } from './found.js';
import {
  digestsOf,
  isAsked,
  type Media,
  mediaAt,
  mediaOf,
  SIGNAL_OF,
  SIGNAL_TYPES,
  type SignalType,
  signalTypeOf,
} from './media.js';

/** HMA's distance of a match, inclusive. */
const HMA_RADIUS_BITS = 31;
const ALGORITHM_OF = { pdq: 'pdq', video_md5: 'md5' } as const satisfies Record<SignalType, string>;

/** How a look-up is asked: in which banks, by which draw, and whether what does not count is reported too. */
interface Asked {
  readonly banks: ReadonlyMap<string, Bank>;
  readonly draw: number | undefined;
  readonly isRaw: boolean;
}

/** Return the banks that are named, or all; one that is not there would look like one without a match. Errors HmaRefusal 400. */
function chosen(all: ReadonlyMap<string, Bank>, names: string | undefined): ReadonlyMap<string, Bank> {
  if (!names) return all;
  const wanted = names.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !all.has(name));
  if (unknown !== undefined) throw new HmaRefusal(400, `no such bank: '${unknown}'`);
  const off = wanted.find((name) => !mayFind(all.get(name)!.list));
  if (off !== undefined) throw new HmaRefusal(503, `the list of bank '${off}' is disabled`);
  return new Map(wanted.map((name) => [name, all.get(name)!]));
}

function askedBy(
  service: Service,
  request: FastifyRequest,
  { isRaw, mayBypass }: { readonly isRaw: boolean; readonly mayBypass: boolean },
): Asked {
  const { seed, bypass_coinflip: bypass } = parametersOf(request.query);
  const { banks } = request.query as { readonly banks?: string | readonly string[] };
  if (seed !== undefined && seed.length > SEED_CHARACTERS_MAX) throw new HmaRefusal(400, 'seed is too long');
  const isBypassed = isRaw || (mayBypass && truthOf('bypass_coinflip', bypass) === true);
  const draw = isBypassed ? 0 : seed === undefined ? undefined : drawOf(seed);
  return { banks: chosen(banksSearched(service, request), [banks ?? []].flat().join(',')), draw, isRaw };
}

const optionsOf = ({ caller }: FastifyRequest, { banks, draw }: Asked): CheckOptions => ({
  orientations: 'none',
  lists: new Set([...banks.values()].flatMap(({ list }) => (list.enabled ? [list.list] : []))),
  requestedRadiusBits: null,
  detail: null,
  reference: null,
  tenant: caller.tenant,
  draw,
});

/** What was not searched is no answer without a match. */
const notSearched = () => new HmaRefusal(503, 'index not yet ready: no bank has a signal of this type');

/** Unrelated files share it, so it says nothing: no answer without a match. */
const sharedValue = () => new HmaRefusal(400, 'invalid signal: unrelated files share this value');

/** Look up one signal. Errors HmaRefusal 400, 503; those of a check. */
async function lookUpSignal(
  service: Service,
  request: FastifyRequest,
  { signal, signalType, asked }: { readonly signal: string; readonly signalType: SignalType; readonly asked: Asked },
): Promise<FoundByBank> {
  const value = signalType === 'video_md5' ? signal.trim().toLowerCase() : signal;
  // As HMA validates it: capitals are no PDQ hash.
  if (signalType === 'pdq' && !/^[0-9a-f]{64}$/.test(value))
    throw new HmaRefusal(400, 'invalid signal: a PDQ hash has 64 hex digits in small letters');
  return lookUpValues(service, request, { [ALGORITHM_OF[signalType]]: value }, { signalType, asked });
}

/** Look up the values of one file. Errors as `lookUpSignal`. */
async function lookUpValues(
  service: Service,
  request: FastifyRequest,
  values: Readonly<Partial<Record<Algorithm, string>>>,
  { signalType, asked }: { readonly signalType: SignalType; readonly asked: Asked },
): Promise<FoundByBank> {
  const { verdict, matches, lowQuality } = await orRefuse(
    answerOneHash(service, request, values, optionsOf(request, asked)),
    { VALUE_INVALID: new HmaRefusal(400, `invalid signal: not a value of ${signalType}`) },
  );
  if (verdict === 'not_checked') throw notSearched();
  const found = await foundByBank(service, asked.banks, matches, { signalType, isRaw: asked.isRaw });
  const isShared = Object.entries(values).some(([name, value]) => valueFault(name as Algorithm, value!) !== null);
  if (found.size === 0 && (lowQuality || isShared)) throw sharedValue();
  return found;
}

/** Look up a file: a photo by all of its hashes and digests, a video by its MD5. Errors HmaRefusal 400, 503; those of a check. */
async function lookUpMedia(
  service: Service,
  request: FastifyRequest,
  { image, contentType }: Media,
  asked: Asked,
): Promise<FoundByBank> {
  if (contentType === 'video') {
    // By all of them: a bank may have its SHA-256 alone.
    const digests = digestsOf(image);
    if (digests.md5 === undefined) throw new HmaRefusal(413, 'Content too large');
    return lookUpValues(service, request, digests, { signalType: 'video_md5', asked });
  }
  const { gate } = request.caller;
  const options = optionsOf(request, asked);
  const isPdqSearched = () => service.searchedAlgorithms(options.lists!).has('pdq');
  // Before and behind: a list may be disabled or enabled in between.
  const wasPdqSearched = isPdqSearched();
  const { verdict, reason, code, lowQuality, matches } = await service
    .checkImage(image, {
      ...options,
      orientations: 'all',
      frames: FRAMES_DEFAULT,
      digests: [],
      onSearched: (found, searched) => watchImage(found, searched, gate, service.probing),
    })
    .then((answer) => ({ code: null, ...answer }));
  if (reason === 'no_list') throw notSearched();
  const isFound = (match: Match) => asked.isRaw || !match.suppressed;
  if (!matches.some(isFound)) {
    if (verdict === 'not_checked') throw new HmaRefusal(400, `the photo could not be checked: ${code ?? reason}`);
    if (lowQuality) throw new HmaRefusal(400, 'invalid signal: the photo has too little detail for a PDQ hash');
    // Its digests alone were searched.
    if (!wasPdqSearched || !isPdqSearched()) throw notSearched();
  }
  return foundByBank(service, asked.banks, matches, { signalType: 'pdq', isRaw: asked.isRaw });
}

export function matchingRoutes(app: FastifyInstance, door: Door): void {
  lookupRoutes(app, door);
  rawLookupRoute(app, door);
  compareRoute(app, door);
  indexRoute(app, door);
}

function lookupRoutes(app: FastifyInstance, { service, as, send, upload }: Door): void {
  const ofMedia = async (request: FastifyRequest, media: Media, asked: Asked) => {
    const { contentType } = media;
    const { types } = parametersOf(request.query);
    // What is not searched is no answer without a match.
    if (!isAsked(contentType, types)) throw new HmaRefusal(400, 'types names no signal type');
    const found = await lookUpMedia(service, request, media, asked);
    return { [SIGNAL_OF[contentType]]: Object.fromEntries(found) };
  };
  app.get('/m/lookup', as.lookUp, async (request, reply) => {
    const { url, content_type: contentType, signal, signal_type: named } = parametersOf(request.query);
    // HMA reads `bypass_coinflip` with POST alone.
    const asked = askedBy(service, request, { isRaw: false, mayBypass: false });
    if (url) {
      const byType = await ofMedia(request, await mediaAt(service, url, contentType), asked);
      if (named === undefined) return send(reply, byType);
      const found = byType[signalTypeOf(named)];
      if (found === undefined) throw new HmaRefusal(400, `the file has no signal of type ${named}`);
      return send(reply, found);
    }
    if (!signal || !named) throw new HmaRefusal(400, 'Either url or both signal and signal_type are required');
    const found = await lookUpSignal(service, request, { signal, signalType: signalTypeOf(named), asked });
    return send(reply, Object.fromEntries(found));
  });
  app.post('/m/lookup', { ...as.lookUp, ...upload }, async (request, reply) => {
    const asked = askedBy(service, request, { isRaw: false, mayBypass: true });
    return send(reply, await ofMedia(request, await mediaOf(request, service), asked));
  });
}

function rawLookupRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.get('/m/raw_lookup', as.lookUp, async (request, reply) => {
    const { signal, signal_type: named, include_distance: wantsDistance } = parametersOf(request.query);
    if (!signal || !named) throw new HmaRefusal(422, 'signal and signal_type are required');
    const isTold = truthOf('include_distance', wantsDistance) === true;
    const asked = askedBy(service, request, { isRaw: true, mayBypass: false });
    const found = await lookUpSignal(service, request, { signal, signalType: signalTypeOf(named), asked });
    const contents = [...found.values()].flat();
    return send(reply, { matches: isTold ? contents : contents.map(({ bank_content_id: id }) => id) });
  });
}

function compareRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.post('/m/compare', as.match, async (request, reply) => {
    const pairs = Object.entries(fieldsOf(request.body)).map(([name, pair]) => {
      const isPair = Array.isArray(pair) && pair.length === 2 && pair.every((one) => typeof one === 'string');
      if (!Array.isArray(pair)) throw new HmaRefusal(400, `Comparison hashes for ${name} was not a list`);
      if (!isPair) throw new HmaRefusal(400, 'Comparison hash list length must be exactly 2');
      if (signalTypeOf(name) !== 'pdq') throw new HmaRefusal(400, `${name} does not support hash comparison`);
      const [a = '', b = ''] = pair as readonly string[];
      if (![a, b].every((one) => /^[0-9a-f]{64}$/.test(one))) throw new HmaRefusal(400, `Invalid ${name} hash`);
      const { distance } = compareHashes({ algorithm: 'pdq', a, b }, service.config);
      return [name, [distance! <= HMA_RADIUS_BITS, { distance }]] as const;
    });
    return send(reply, Object.fromEntries(pairs));
  });
}

/** When the newest entry of these lists came, in seconds since 1970; -1: there is none. */
const newestOf = (lists: readonly ListInfo[]) =>
  Math.max(
    -1,
    ...lists.map(({ importedAt }) => (importedAt === null ? -1 : Math.floor(Date.parse(importedAt) / 1000))),
  );

/** Return the size of the index for a type of signal, and the time of its newest entry. */
export function indexOf(banks: ReadonlyMap<string, Bank>, signalType: SignalType) {
  const algorithm = ALGORITHM_OF[signalType];
  const lists = [...banks.values()]
    .map(({ list }) => list)
    .filter((list) => mayFind(list) && (list.entriesByAlgorithm[algorithm] ?? 0) > 0);
  const size = lists.reduce((sum, { entriesByAlgorithm }) => sum + entriesByAlgorithm[algorithm]!, 0);
  return { size, builtTo: newestOf(lists) };
}

/** The types of signals that a query names, or all. Errors HmaRefusal 400. */
export function typesIn({ query }: FastifyRequest): readonly SignalType[] {
  const { signal_type: named } = parametersOf(query);
  if (named === undefined) return SIGNAL_TYPES;
  if (!SIGNAL_TYPES.some((type) => type === named)) throw new HmaRefusal(400, `No such signal type '${named}'`);
  return [signalTypeOf(named)];
}

function indexRoute(app: FastifyInstance, { service, as, send }: Door): void {
  app.get('/m/index/status', as.match, async (request, reply) => {
    const types = typesIn(request);
    const banks = await banksSeen(service, request);
    const states = types.map((type) => {
      const { size, builtTo } = indexOf(banks, type);
      return [type, { built_to: builtTo, present: true, size }];
    });
    return send(reply, Object.fromEntries(states));
  });
}

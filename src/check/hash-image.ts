/** Conversion of the engine's reply to the hashes of an answer and of a query. */
import { formatHash256 } from '../core/hash256.js';
import { isLowQuality } from '../core/pdq-quality.js';
import { isOneDimensionalPdq } from '../core/pdq-shape.js';
import { type Family, ORIENTATIONS, type Orientation } from '../core/vocabulary.js';
import type { HashReply, ViewReply } from '../engine/image-engine.js';
import type { HashAnswer, ImageFacts, PdqFacts } from './answers.js';
import type { HashQuery } from './candidate.js';

function imageFacts(reply: HashReply): ImageFacts | null {
  return reply.format === null ? null : { format: reply.format, width: reply.width, height: reply.height };
}

/** Return whether a hash that would be searched is one-dimensional: its near matches may have been left out. */
const isOneDimensional = (views: readonly ViewReply[]) =>
  views.some(({ families }) =>
    families.some(({ degenerate, hashes }) => !degenerate && hashes.some(isOneDimensionalPdq)),
  );

/** Return the hashes as lists have them: `symmetric` is a query alone. */
function pdqFacts({ families }: ViewReply): Pick<HashAnswer, 'pdq' | 'pdqFull'> {
  const factsOf = (name: Family): PdqFacts | null => {
    const found = families.find(({ family }) => family === name);
    return found ? { hash: formatHash256(found.hashes[0]!), quality: found.quality } : null;
  };
  return { pdq: factsOf('resized'), pdqFull: factsOf('full') };
}

export function hashAnswer(reply: HashReply): HashAnswer {
  const common = { digests: reply.digests, image: imageFacts(reply), bytes: reply.bytes };
  if (!reply.ok) {
    return {
      ...common,
      pdq: null,
      pdqFull: null,
      blockhash: null,
      orientations: null,
      views: [],
      lowQuality: false,
      degenerate: false,
      oneDimensional: false,
      degraded: false,
      reason: reply.reason,
      code: reply.code,
    };
  }
  const oneDimensional = isOneDimensional(reply.views);
  const [first] = reply.views;
  const [resized] = first!.families;
  const turned = resized && resized.hashes.length > 1 ? resized.hashes : null;
  return {
    ...common,
    ...pdqFacts(first!),
    blockhash: first!.blockhash ? formatHash256(first!.blockhash) : null,
    orientations: turned && Object.fromEntries(turned.map((hash, at) => [ORIENTATIONS[at]!, formatHash256(hash)])),
    views: reply.views.map((view) => ({
      frame: view.frame,
      background: view.background,
      part: view.part,
      ...pdqFacts(view),
    })),
    lowQuality: oneDimensional || (resized ? isLowQuality(resized.quality, resized.degenerate) : false),
    degenerate: resized?.degenerate ?? false,
    oneDimensional,
    degraded: reply.damage !== null,
    reason: reply.damage?.isGrave ? reply.damage.reason : null,
    code: reply.damage?.code ?? null,
  };
}

/** Orientation of the second hash of a window: mirrored left to right. */
const MIRRORED: Orientation = 'flipY';

/** Return every hash to search: views × families × orientations, windows, and blockhash; none of a degenerate family. */
export function hashQueries(reply: HashReply): HashQuery[] {
  return reply.ok ? reply.views.flatMap(viewQueries) : [];
}

function viewQueries({ frame, background, part, families, blockhash, windows }: ViewReply): HashQuery[] {
  const pdq = families
    .filter((family) => !family.degenerate)
    .flatMap(({ family, quality, degenerate, hashes }) =>
      hashes.map(
        (hash256, at): HashQuery => ({
          algorithm: 'pdq',
          hash256,
          orientation: ORIENTATIONS[at]!,
          family,
          lowQuality: isLowQuality(quality, degenerate) || isOneDimensionalPdq(hash256),
          window: null,
          frame,
          background,
          part,
        }),
      ),
    );
  const ofWindows = windows.flatMap(({ window: place, hashes, certain }) =>
    hashes.map(
      (hash256, at): HashQuery => ({
        algorithm: 'pdq',
        hash256,
        orientation: at === 0 ? 'original' : MIRRORED,
        family: 'symmetric',
        lowQuality: false,
        window: { place, certain },
        frame,
        background,
        part,
      }),
    ),
  );
  if (!blockhash || pdq.length === 0) return [...pdq, ...ofWindows];
  // Blockhash has no quality measure; PDQ's describes the image as well.
  const lowQuality = pdq.every((query) => query.lowQuality);
  const orientation = 'original';
  return [
    ...pdq,
    ...ofWindows,
    {
      algorithm: 'blockhash',
      hash256: blockhash,
      orientation,
      family: null,
      lowQuality,
      window: null,
      frame,
      background,
      part,
    },
  ];
}

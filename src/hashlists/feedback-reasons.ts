/** NCMEC's reasons for negative feedback on a type of fingerprint: `availableFeedbackReasons`, each with a GUID and a name. */
import { AppError } from '../core/errors.js';
import { BoundedXml, XmlFault } from './formats/xml.js';

interface FeedbackReason {
  readonly guid: string;
  readonly name: string;
}

const LIST = 'availableFeedbackReasons';
/** Sent back in XML. */
const GUID = /^[0-9A-Za-z-]{1,64}$/;
/** There is a handful. */
const REASONS_MAX = 1_000;
const NAME_CHARS_MAX = 200;

/** Errors SOURCE_FAILED: no list of reasons. */
export function readReasons(body: Uint8Array): readonly FeedbackReason[] {
  const reasons: FeedbackReason[] = [];
  let isListed = false;
  try {
    const xml = new BoundedXml({
      opened({ local, attributes: { guid = '', name = '' } }) {
        // Public clients read it below a root; the pages about categorisations have such a list as the root itself.
        if (local === LIST) isListed = true;
        else if (isListed && GUID.test(guid) && reasons.length < REASONS_MAX)
          reasons.push({ guid, name: name.trim().slice(0, NAME_CHARS_MAX) });
      },
      text: () => {},
      closed: () => {},
    });
    xml.write(body);
    xml.close();
  } catch (error) {
    throw new AppError('SOURCE_FAILED', {
      why: error instanceof XmlFault ? `invalid list of reasons: ${error.message}` : 'invalid list of reasons',
    });
  }
  if (!isListed) throw new AppError('SOURCE_FAILED', { why: 'invalid list of reasons' });
  return reasons;
}

/**
 * Return the GUID of the wanted reason, by its GUID or its name; without one, that of the only reason.
 * Errors  REQUEST_INVALID, with the names: none is like it, or there are several and none was chosen.
 */
export function chooseReason(reasons: readonly FeedbackReason[], wanted: string | null): string {
  const named = wanted?.trim().toLowerCase();
  const found = reasons.filter(
    ({ guid, name }) => named === undefined || guid.toLowerCase() === named || name.toLowerCase() === named,
  );
  if (found.length === 1) return found[0]!.guid;
  const expected = reasons.map(({ name, guid }) => name || guid).join('; ') || 'the service offers none';
  throw new AppError('REQUEST_INVALID', { field: 'reason', expected });
}

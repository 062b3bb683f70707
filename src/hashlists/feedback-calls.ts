/**
 * How feedback on an entry is sent to its publisher, as its public clients send it (python-threatexchange: exchanges/clients/ncmec
 * and .../stopncii). Pure. Tech Against Terrorism and ThreatExchange have no call here.
 */
import type { Algorithm, SourceType } from '../core/vocabulary.js';
import { addressBehind, type SourcePlace } from './source-addresses.js';

export interface FeedbackCall {
  readonly method: 'PUT' | 'POST';
  readonly url: string;
  readonly contentType: string;
  /** Contains the value where a publisher knows its entries by it: no log and no error may quote it. */
  readonly body: string;
  /** What is said, in the publisher's words. */
  readonly says: string;
}

/** One entry of a list, and what people decided on it. */
export interface FeedbackSubject {
  readonly entryId: string;
  readonly algorithm: Algorithm;
  /** Hex. */
  readonly value: string;
  /** As the entry names it. */
  readonly source: string | null;
  readonly verdict: 'confirmed' | 'false_positive';
}

/** `reason`: the GUID of a reason, where `reasonsAddress` has a list of them. Null: no entry of this publisher, or not of a kind that it takes. */
type MakeCall = (place: SourcePlace, subject: FeedbackSubject, reason: string) => FeedbackCall | null;

/** NCMEC's names of fingerprints in addresses. */
const NCMEC_TYPES: Readonly<Partial<Record<Algorithm, string>>> = {
  md5: 'MD5',
  sha1: 'SHA1',
  pdq: 'PDQ',
  photodna: 'PDNA',
};
const NCMEC_NAMESPACE = 'https://hashsharing.ncmec.org/hashsharing/v2';

function ncmecPath({ entryId, algorithm }: FeedbackSubject): string | null {
  const [, member, id] = /^(\d{1,20})\/(.+)$/s.exec(entryId) ?? [];
  const type = NCMEC_TYPES[algorithm];
  // Of another list; or an id that would be a step in the path, encoded or not.
  if (member === undefined || id === undefined || type === undefined || /^\.{1,2}$/.test(id)) return null;
  return `/v2/entries/${member}/${encodeURIComponent(id)}/${type}/feedback`;
}

function ncmecCall(place: SourcePlace, subject: FeedbackSubject, reason: string): FeedbackCall | null {
  const path = ncmecPath(subject);
  if (path === null) return null;
  const isTrue = subject.verdict === 'confirmed';
  const vote = isTrue ? '<affirmative/>' : `<negative><reasonIds><guid>${reason}</guid></reasonIds></negative>`;
  return {
    method: 'PUT',
    url: addressBehind(place, path),
    contentType: 'application/xml; charset=utf-8',
    body: `<?xml version="1.0" encoding="UTF-8"?><feedbackSubmission xmlns="${NCMEC_NAMESPACE}">${vote}</feedbackSubmission>`,
    says: isTrue ? 'affirmative' : `negative ${reason}`.trim(),
  };
}

/** What the format `stopncii` names as the source: a value of others in the list is not given away. */
const STOPNCII_SOURCE = 'StopNCII';
/** `NotBlocked`: reviewed, and not found to be one. */
const STOPNCII_SAYS = { confirmed: 'Blocked', false_positive: 'NotBlocked' } as const;

function stopNciiCall(place: SourcePlace, { source, value, verdict }: FeedbackSubject): FeedbackCall | null {
  if (source !== STOPNCII_SOURCE) return null;
  const feedbackValue = STOPNCII_SAYS[verdict];
  return {
    method: 'POST',
    url: addressBehind(place, '/SubmitFeedback'),
    contentType: 'application/json',
    body: JSON.stringify({ count: 1, hashFeedbacks: [{ hashValue: value, feedbackValue, tags: [] }] }),
    says: feedbackValue,
  };
}

const CALLS: Readonly<Partial<Record<SourceType, MakeCall>>> = { ncmec: ncmecCall, stopncii: stopNciiCall };

/** Return how feedback is sent to a publisher; null: not known. */
export const feedbackCallOf = (type: SourceType): MakeCall | null => CALLS[type] ?? null;

/** Return where the reasons of a false positive are listed; null: the publisher takes it without one. */
export function reasonsAddress(place: SourcePlace, algorithm: Algorithm): string | null {
  const type = NCMEC_TYPES[algorithm];
  if (place.type !== 'ncmec' || type === undefined) return null;
  return addressBehind(place, `/v2/feedback/${type}/reasons`);
}

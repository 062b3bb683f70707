/** The status that stands for a verdict, for programs that read nothing else. */
import type { Config } from '../config/knobs.js';
import { ERRORS } from '../core/errors.js';
import type { Verdict } from '../core/vocabulary.js';
import { MATCH_STATUS_DEFAULT } from './verdict-schemas.js';

type Outcome = 'passes' | 'refused' | 'unchecked';

const OUTCOMES: Readonly<Record<Verdict, Outcome>> = {
  no_match: 'passes',
  suppressed: 'passes',
  match: 'refused',
  not_checked: 'unchecked',
};

/** Chosen by the request and by the operator. */
export interface StatusRules {
  readonly match: string | undefined;
  readonly verdictFails: Config['verdictFails'];
}

/**
 * Return the status of an answer and its code. A match goes before all else. `hasFault`: a fault ended the answer, so files
 * behind it have no record: they pass in no case.
 */
export function statusOf(
  verdicts: readonly Verdict[],
  { match, verdictFails }: StatusRules,
  hasFault = false,
): { readonly status: number; readonly code: 'NOT_CHECKED' | null } {
  const outcomes = verdicts.map((verdict) => OUTCOMES[verdict]);
  const isUnchecked = hasFault || !outcomes.every((outcome) => outcome !== 'unchecked');
  const code = isUnchecked ? 'NOT_CHECKED' : null;
  if (outcomes.includes('refused')) return { status: Number(match ?? MATCH_STATUS_DEFAULT), code };
  if (!isUnchecked) return { status: 200, code };
  return { status: verdictFails === 'open' && !hasFault ? 200 : ERRORS.NOT_CHECKED.http, code };
}

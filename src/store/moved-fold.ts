/** The beginning of a moved ledger's chains, the same in every store. */
import { FIRST_HASH } from './ledger-chain.js';
import type { Fold } from './ledger-fold.js';
import type { MoveFacts } from './move-contract.js';

/** Return the hash before the first event that is there; hex. */
export const hashBeforeEvents = ({ fold }: MoveFacts['ledger']): string => fold.events.cutHash ?? FIRST_HASH;

/**
 * Return the first fold of a moved ledger: it follows the last link of the source's counts, and names the heads of its chains.
 * `hash`: of the newest event, and `erasedSum`: over the erased ones, both in the chain of the target; hex.
 */
export function movedFold(
  { fold, head }: MoveFacts['ledger'],
  { hash, erasedSum }: Pick<Fold['events'], 'hash' | 'erasedSum'>,
): Fold {
  return {
    ...fold,
    before: head.groupHash,
    anchor: '',
    anchors: 0,
    events: { ...fold.events, seq: head.eventSeq, hash, erasedSum },
    moved: { counts: head.groupHash, events: head.eventHash, eventSeq: head.eventSeq },
  };
}

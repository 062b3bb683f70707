/** Whether the service can answer checks, and if not, why. */
import type { Config } from '../config/knobs.js';
import type { SandboxLayers } from '../engine/sandbox.js';
import type { Ledger } from '../ledger/ledger.js';
import { matchListsInForce } from '../lists/in-force.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import type { DecoderStatus } from './decoder.js';

/** Recording fails for a moment where a disk is busy; a balancer that reacts to each moment does more harm. */
const UNWRITABLE_MS_MAX = 5_000;

type NotReady = 'shutting_down' | 'ledger_unwritable' | 'no_list';

export interface Readiness {
  readonly ready: boolean;
  /** Empty where it is ready. */
  readonly notReady: readonly NotReady[];
  readonly generation: number;
  readonly entries: number;
  /** Lists with an entry that counts. */
  readonly listsInForce: number;
  readonly decoder: DecoderStatus & { readonly sandbox: SandboxLayers };
  /** False where the last answers could not be recorded: requests are refused until they can be. */
  readonly ledgerWritable: boolean;
}

interface ReadinessParts {
  readonly isClosing: boolean;
  readonly snapshot: Pick<ListSnapshot, 'generation' | 'entryCounts' | 'inForce' | 'listByName'>;
  readonly ledger: Pick<Ledger, 'isWritable' | 'unwritableMs'>;
  readonly decoder: Readiness['decoder'];
}

export function readinessOf(
  { readyNeedsList }: Pick<Config, 'readyNeedsList'>,
  { isClosing, snapshot, ledger, decoder }: ReadinessParts,
): Readiness {
  const lists = matchListsInForce(snapshot).length;
  const reasons: readonly (readonly [NotReady, boolean])[] = [
    ['shutting_down', isClosing],
    ['ledger_unwritable', ledger.unwritableMs >= UNWRITABLE_MS_MAX],
    ['no_list', readyNeedsList === 'on' && lists === 0],
  ];
  const notReady = reasons.filter(([, applies]) => applies).map(([reason]) => reason);
  return {
    ready: notReady.length === 0,
    notReady,
    generation: snapshot.generation,
    entries: Object.values(snapshot.entryCounts).reduce((sum, count) => sum + count, 0),
    listsInForce: lists,
    decoder,
    ledgerWritable: ledger.isWritable,
  };
}

/** Whether the service can answer checks, and if not, why. */
import type { Config } from '../config/knobs.js';
import type { SandboxLayers } from '../engine/sandbox.js';
import type { Ledger } from '../ledger/ledger.js';
import { matchListsInForce } from '../lists/in-force.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import type { DecoderStatus } from './decoder.js';
import type { ReplicaStatus } from './replica.js';

/** Recording fails for a moment where a disk is busy; a balancer that reacts to each moment does more harm. */
const UNWRITABLE_MS_MAX = 5_000;

/** Ids of hits and the order of pages follow the clock of the process that records them: readers miss what it puts in the past. */
const SKEW_MS_MAX = 2_000;

type NotReady = 'shutting_down' | 'ledger_unwritable' | 'clock_skew' | 'lists_behind' | 'no_list';

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
  /** Milliseconds by which this machine's clock is ahead of the database's, at least; negative: behind. */
  readonly clockSkewMs: number;
}

interface ReadinessParts {
  readonly isClosing: boolean;
  readonly snapshot: Pick<ListSnapshot, 'generation' | 'entryCounts' | 'inForce' | 'listByName'>;
  readonly ledger: Pick<Ledger, 'isWritable' | 'unwritableMs'>;
  readonly decoder: Readiness['decoder'];
  readonly replica: ReplicaStatus;
}

export function readinessOf(
  { readyNeedsList }: Pick<Config, 'readyNeedsList'>,
  { isClosing, snapshot, ledger, decoder, replica }: ReadinessParts,
): Readiness {
  const lists = matchListsInForce(snapshot).length;
  const reasons: readonly (readonly [NotReady, boolean])[] = [
    ['shutting_down', isClosing],
    ['ledger_unwritable', ledger.unwritableMs >= UNWRITABLE_MS_MAX],
    ['clock_skew', Math.abs(replica.skewMs) > SKEW_MS_MAX],
    ['lists_behind', replica.isBehind],
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
    clockSkewMs: replica.skewMs,
  };
}

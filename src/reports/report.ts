/** What the renderers read: a period's figures, as the ledger counts them, and one hit. */

export interface Totals {
  readonly checked: number;
  readonly matched: number;
  readonly suppressed: number;
  readonly notChecked: number;
}

export interface Within {
  readonly hours: number;
  readonly count: number;
  readonly share: number | null;
}

export interface TakedownFigures {
  readonly cases: number;
  readonly open: number;
  readonly notified: number;
  readonly removed: number;
  readonly falsePositives: number;
  readonly confirmed: number;
  readonly within: readonly Within[];
  readonly medianSeconds: number | null;
  readonly p90Seconds: number | null;
  readonly oldestOpenAt: string | null;
  readonly seenAgainAfterRemoval: number;
  readonly overdue: number;
  readonly byTenant: readonly TenantTakedown[];
}

export interface TenantTakedown {
  readonly tenant: string;
  readonly cases: number;
  readonly open: number;
  readonly removed: number;
  readonly falsePositives: number;
  readonly medianSeconds: number | null;
  readonly overdue: number;
  readonly within: readonly Within[];
}

export interface Report extends Totals {
  readonly period: string;
  readonly from: string;
  readonly to: string;
  readonly tenant: string | null;
  readonly generatedAt: string;
  readonly exact: number;
  readonly near: number;
  readonly hitRate: number | null;
  readonly byTenant: readonly (Totals & { readonly tenant: string })[];
  readonly byList: readonly { readonly list: string; readonly matched: number }[];
  readonly byCategory: readonly { readonly category: string; readonly matched: number }[];
  readonly byReason: readonly { readonly reason: string; readonly count: number }[];
  readonly series: readonly (Totals & { readonly start: string })[];
  readonly takedown: TakedownFigures;
  readonly reversals: { readonly decided: number; readonly reversed: number; readonly errorRate: number | null };
}

export interface HitMatch {
  readonly list: string;
  readonly matchType: 'exact' | 'near';
}

export interface Deadline {
  readonly hours: number;
  readonly dueAt: string;
  readonly met: boolean | null;
}

export interface Hit {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly timesSeen: number;
  readonly seenAfterRemoval: number;
  readonly digests: { readonly md5?: string; readonly sha1?: string; readonly sha256?: string };
  readonly list: string;
  readonly entryId: string;
  readonly algorithm: string;
  readonly matchType: 'exact' | 'near';
  readonly distance: number;
  readonly radius: number;
  readonly orientation: string | null;
  readonly family: string | null;
  readonly category: string | null;
  readonly severity: string | null;
  readonly source: string | null;
  readonly matches: readonly HitMatch[];
  readonly generation: number;
  readonly checkId: string | null;
  readonly quarantined: boolean;
  readonly status: 'open' | 'notified' | 'confirmed' | 'removed' | 'false_positive';
  readonly history: readonly {
    readonly at: string;
    readonly status: string;
    readonly note: string | null;
    readonly by: string;
  }[];
  readonly clock: {
    readonly startedAt: string;
    readonly stoppedAt: string | null;
    readonly seconds: number | null;
    readonly deadlines: readonly Deadline[];
  };
}

/** The page is compiled by itself, for a browser; this compares its types with the responses of the service. */
import type { Static } from '@sinclair/typebox';
import { expect, expectTypeOf, test } from 'vitest';
import type { Explanation } from '../../src/check/explain.js';
import type { RejectReason } from '../../src/core/parsed-row.js';
import { HIT_STATUSES } from '../../src/core/vocabulary.js';
import { ACTIONS, actionsFor } from '../../src/dashboard/case-words.js';
import type * as explain from '../../src/dashboard/explain-types.js';
import type * as lists from '../../src/dashboard/list-types.js';
import type { REJECT_WORDS, RULE_WORDS } from '../../src/dashboard/list-words.js';
import * as page from '../../src/dashboard/types.js';
import type { AuditResult } from '../../src/http/admin-schemas.js';
import type { EntriesResult, EntryResult, MarkedResult } from '../../src/http/routes/list-entries.js';
import type { JobResult } from '../../src/http/routes/list-imports.js';
import type { ReplicasResult } from '../../src/http/routes/replicas.js';
import type { StatusResult, WhoamiResult } from '../../src/http/routes/status.js';
import type { Hit, Ledger } from '../../src/ledger/ledger.js';
import type { Report } from '../../src/ledger/report.js';
import type { Stats } from '../../src/ledger/stats.js';
import { mayGo } from '../../src/ledger/takedown.js';
import type { ListHealth } from '../../src/lists/list-health.js';
import type { SourceState } from '../../src/lists/source-state.js';
import type { Readiness } from '../../src/service/readiness.js';
import type { HoldRule, ImportReport, VersionInfo } from '../../src/store/lists-contract.js';

test('the types of the page accept what the service sends', () => {
  expectTypeOf<Hit>().toExtend<page.Hit>();
  expectTypeOf<Awaited<ReturnType<Ledger['hits']>>>().toExtend<page.Hits>();
  expectTypeOf<Report>().toExtend<page.Report>();
  expectTypeOf<Stats>().toExtend<page.Stats>();
  expectTypeOf<ListHealth>().toExtend<page.List>();
  expectTypeOf<ListHealth>().toExtend<lists.ListFacts>();
  expectTypeOf<VersionInfo>().toExtend<lists.Version>();
  expectTypeOf<SourceState>().toExtend<lists.Source>();
  expectTypeOf<Static<typeof JobResult>>().toExtend<lists.Job>();
  expectTypeOf<ImportReport>().toExtend<lists.JobReport>();
  expectTypeOf<Static<typeof MarkedResult>>().toExtend<lists.Marked>();
  expectTypeOf<Static<typeof EntryResult>>().toExtend<lists.OneEntry>();
  expectTypeOf<Static<typeof EntriesResult>>().toExtend<lists.EntryLines>();
  expectTypeOf<Explanation>().toExtend<explain.Explanation>();
  expectTypeOf<Static<typeof AuditResult>['entries'][number]>().toExtend<lists.Audited>();
  expectTypeOf<keyof typeof RULE_WORDS>().toEqualTypeOf<HoldRule>();
  expectTypeOf<keyof typeof REJECT_WORDS>().toEqualTypeOf<RejectReason>();
  expectTypeOf<Readiness>().toExtend<page.Readiness>();
  expectTypeOf<Static<typeof ReplicasResult>['replicas'][number]>().toExtend<page.Replica>();
  expectTypeOf<Static<typeof WhoamiResult>>().toExtend<page.Access>();
  expectTypeOf<Static<typeof StatusResult>['pace']>().toExtend<page.Pace>();
});

test('the page offers exactly the steps that the ledger allows', () => {
  expect(page.STATUSES).toEqual(HIT_STATUSES);
  for (const from of HIT_STATUSES) {
    const offered = actionsFor({ status: from } as page.Hit).map(({ status }) => status);
    expect(offered, from).toEqual(ACTIONS.map(({ status }) => status).filter((to) => mayGo(from, to)));
  }
});

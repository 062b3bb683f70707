/** The page is compiled by itself, for a browser; this compares its types with the responses of the service. */
import type { Static } from '@sinclair/typebox';
import { expect, expectTypeOf, test } from 'vitest';
import { HIT_STATUSES } from '../../src/core/vocabulary.js';
import { ACTIONS, actionsFor } from '../../src/dashboard/case-words.js';
import * as page from '../../src/dashboard/types.js';
import type { ReplicasResult } from '../../src/http/routes/replicas.js';
import type { StatusResult, WhoamiResult } from '../../src/http/routes/status.js';
import type { Hit, Ledger } from '../../src/ledger/ledger.js';
import type { Report } from '../../src/ledger/report.js';
import type { Stats } from '../../src/ledger/stats.js';
import { mayGo } from '../../src/ledger/takedown.js';
import type { ListHealth } from '../../src/lists/list-health.js';
import type { Readiness } from '../../src/service/readiness.js';

test('the types of the page accept what the service sends', () => {
  expectTypeOf<Hit>().toExtend<page.Hit>();
  expectTypeOf<Awaited<ReturnType<Ledger['hits']>>>().toExtend<page.Hits>();
  expectTypeOf<Report>().toExtend<page.Report>();
  expectTypeOf<Stats>().toExtend<page.Stats>();
  expectTypeOf<ListHealth>().toExtend<page.List>();
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

import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { StatsResult } from '../../src/http/ledger-schemas.js';

test('counts of names with control characters are in the response', async () => {
  const app = Fastify();
  const byCategory = { 'a\nb': 1, 'c\u2028d': 2, '\u001b[2J': 3, '': 4 };
  app.get('/', { schema: { response: { 200: StatsResult } } }, async () => ({
    from: null,
    to: null,
    checked: 0,
    matched: 0,
    suppressed: 0,
    notChecked: 0,
    exact: 0,
    near: 0,
    byList: {},
    byCategory,
    byReason: {},
    byTenant: {},
    interval: null,
    series: [],
  }));
  expect((await app.inject('/')).json()).toMatchObject({ byCategory });
  await app.close();
});

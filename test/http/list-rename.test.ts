/** Renames over HTTP, and what was recorded before them. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { decideHit } from '../../src/cases/decide-hit.js';
import { sumDecisions } from '../../src/cases/feedback/sum-feedback.js';
import { presentMatches } from '../../src/cases/webhooks/hold-events.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

const md5 = (n: number) => n.toString(16).padStart(32, '0');
let count = 0;
/** A list of each test with the entry `e1`, and a name that is free. */
let list = '';
let to = '';
let value = '';
beforeEach(async () => {
  count++;
  [list, to, value] = [`list-${count}`, `new-${count}`, md5(count)];
  await make(list);
});

async function make(name: string): Promise<void> {
  const { lists } = running.service.store;
  await lists.replaceEntries(name, stream([entryRow(1, 'md5', value)]), { create: { kind: 'match', radiusBits: 31 } });
  await running.service.reload();
}

async function ask(method: string, path: string, body?: object) {
  const headers = body ? { 'content-type': 'application/json' } : {};
  const answer = await fetch(running.url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? null : JSON.parse(text) };
}
const rename = (of: string, name: string, more: object = {}) => ask('PATCH', `/v1/lists/${of}`, { name, ...more });
const check = async (lists?: string) =>
  (
    await ask('POST', '/v1/check/hashes', {
      items: [{ md5: value, id: `file ${count}` }],
      ...(lists ? { lists: [lists] } : {}),
    })
  ).json;
const hitOf = async () => (await ask('GET', `/v1/hits?reference=${encodeURIComponent(`file ${count}`)}`)).json.hits[0];

test('it is answered by its new name at once, and the former one is no list', async () => {
  const before = await ask('GET', `/v1/lists/${list}`);
  const renamed = await rename(list, to);
  expect(renamed).toMatchObject({ status: 200, json: { ...before.json, list: to, formerNames: [{ name: list }] } });
  expect((await ask('GET', `/v1/lists/${to}`)).json).toEqual(renamed.json);
  expect((await ask('GET', `/v1/lists/${list}`)).status).toBe(404);
  expect((await check(to)).results).toMatchObject([{ verdict: 'match', matches: [{ list: to, entryId: 'e1' }] }]);
  expect(await check(list)).toMatchObject({ code: 'LIST_NOT_FOUND' });
  const health = (await ask('GET', '/v1/lists')).json.lists as { list: string }[];
  expect(health.filter((one) => [list, to].includes(one.list))).toHaveLength(1);
  const audited = (await ask('GET', '/v1/audit?limit=5')).json.entries as object[];
  expect(audited).toContainEqual(
    expect.objectContaining({ action: 'list.rename', target: list, details: expect.objectContaining({ name: to }) }),
  );
});

test('what is no free name is refused, and nothing changes', async () => {
  await make(`other-${count}`);
  for (const [of, name, more, status, code] of [
    [list, `other-${count}`, {}, 400, 'REQUEST_INVALID'],
    [list, 'Upper', {}, 400, 'REQUEST_INVALID'],
    [list, '', {}, 400, 'REQUEST_INVALID'],
    [list, 'own-suppressions', {}, 400, 'REQUEST_INVALID'],
    [list, to, { radiusBits: 3 }, 400, 'REQUEST_INVALID'],
    ['nowhere', to, {}, 404, 'LIST_NOT_FOUND'],
    [list, list, {}, 200, undefined],
  ] as const) {
    const answer = await rename(of, name, more);
    expect([of, name, answer.status, answer.json.code]).toEqual([of, name, status, code]);
  }
  expect((await ask('GET', `/v1/lists/${list}`)).json).toMatchObject({ list, radiusBits: 31 });
});

test('while an import waits it is refused with 409', async () => {
  const job = { id: `job-${count}`, list, state: 'running' as const, request: {}, bytes: 1, sameAs: `x${count}` };
  const { jobs } = running.service.store;
  await jobs.addJob({ ...job, createdAt: '2026-01-01T00:00:00Z', finishedAt: null, report: null, error: null });
  expect(await rename(list, to)).toMatchObject({ status: 409, json: { code: 'LIST_BUSY', details: { job: job.id } } });
  await jobs.changeJob(job.id, { state: 'failed' });
  expect((await rename(list, to)).status).toBe(200);
});

test('a hit keeps the name of its time; a decision on it suppresses the entry that it matched, and not that of a later list', async () => {
  await check();
  await rename(list, to);
  await make(list);
  const before = await hitOf();
  expect(before).toMatchObject({ list, matches: [{ list, entryId: 'e1' }] });
  const decided = await ask('PATCH', `/v1/hits/${before.id}`, { status: 'false_positive', suppress: true });
  expect(decided).toMatchObject({ status: 200, json: { list, suppression: { list: to, entryId: 'e1', added: true } } });
  const marked = async (name: string) => (await ask('GET', `/v1/lists/${name}/quarantine`)).json.total;
  expect([await marked(to), await marked(list)]).toEqual([1, 0]);
  // Seen again, by both lists.
  const [{ matches }] = (await check()).results;
  expect(matches.map((match: { list: string; suppressed: boolean }) => [match.list, match.suppressed]).sort()).toEqual(
    [
      [list, false],
      [to, true],
    ].sort(),
  );
});

test('feedback counts decisions by every name of the list, and none of a later one', async () => {
  const { service } = running;
  const parts = { ledger: service.ledger, lists: service.store.lists };
  await check();
  const decision = { status: 'confirmed' as const, note: null, by: 'Jane Doe', suppress: false, actor: 'jane' };
  await decideHit(service, undefined, (await hitOf()).id, decision);
  await rename(list, to);
  await make(list);
  expect(await sumDecisions(parts, to)).toMatchObject([{ entryId: 'e1', confirmed: 1 }]);
  expect(await sumDecisions(parts, list)).toEqual([]);
  expect((await ask('GET', `/v1/lists/${to}/feedback`)).json).toMatchObject({
    feedback: [{ list: to, entryId: 'e1' }],
  });
});

test('an event that waits for a mark waits on: its matches are by the present names', async () => {
  const { service } = running;
  await check();
  const { id } = await hitOf();
  await rename(list, to);
  await make(list);
  const matchesOf = presentMatches({ ledger: service.ledger, lists: service.store.lists });
  expect(await matchesOf(id)).toMatchObject([{ list: to, entryId: 'e1' }]);
  expect(await matchesOf('none')).toBeNull();
});

test('figures keep the name under which it happened', async () => {
  await check();
  await rename(list, to);
  await check();
  const { byList } = (await ask('GET', '/v1/stats?from=2020-01-01T00:00:00Z')).json;
  expect([byList[list], byList[to]]).toEqual([1, 1]);
});

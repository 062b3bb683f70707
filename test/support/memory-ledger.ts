/**
 * A ledger store in memory, as simple as possible: every tally that was ever appended, and hits in an array. The oracle
 * that the others are compared with; it shares nothing with them but the addition of totals.
 */
import { DAY_MS, HOUR_MS, startOf } from '../../src/core/period.js';
import { NO_TOTALS, type Tally, TallySum } from '../../src/core/tally.js';
import { HIT_STATUSES } from '../../src/core/vocabulary.js';
import type {
  Appended,
  Cases,
  DigestMarks,
  DueOrder,
  LedgerStore,
  News,
  StoredHit,
} from '../../src/store/ledger-contract.js';

interface Held extends StoredHit {
  readonly key: string;
  readonly marks: DigestMarks | undefined;
}

/** It was possible, and no person has said yet that it is one. */
const isNoCase = ({ isPossible, history }: StoredHit) =>
  isPossible && history.every(({ status }) => status === 'false_positive');

export function memoryLedger(): LedgerStore {
  const tallies: Tally[] = [];
  const hits: Held[] = [];
  const answered = new Map<string, { fingerprint: string; atMs: number }>();
  let events = 0;
  const news: News[] = [];
  let newsEver = 0;
  const addNews = (kind: News['kind'], tenant: string, hitId: string, atMs: number) =>
    news.push({ id: String(++newsEver), kind, tenant, hitId, atMs });
  let hoursFromMs = 0;
  /** Tallies whose hours were dropped. */
  const dropped = new Set<Tally>();
  const isOf = (tenant: string | null) => (row: { tenant: string }) => tenant === null || row.tenant === tenant;
  const toStored = ({ key: _k, marks: _m, ...stored }: Held): StoredHit => stored;
  const put = (held: Held) => {
    const at = hits.findIndex(({ id }) => id === held.id);
    if (at < 0) hits.push(held);
    else hits[at] = held;
    events++;
  };
  return {
    open: async () => {},
    probe: async () => {},
    async append({ atMs, steadyMs = atMs, entries }) {
      // Hits of one entry are recorded together: one event each.
      return entries.map(({ tenant, idempotency, tallies: own, sightings }): Appended => {
        let repeated = false;
        if (idempotency) {
          const name = JSON.stringify([tenant, idempotency.key]);
          const known = answered.get(name);
          if (known && known.atMs > steadyMs - DAY_MS) {
            if (known.fingerprint !== idempotency.fingerprint) return { outcome: 'reused' };
            repeated = true;
          } else answered.set(name, { fingerprint: idempotency.fingerprint, atMs: steadyMs });
        }
        if (!repeated) tallies.push(...own);
        const told = sightings.map((sighting) => {
          const held = hits.find((hit) => hit.tenant === sighting.tenant && hit.key === sighting.key);
          const { list, category, evidence, quarantined, isPossible = false, marks } = sighting;
          if (!held) {
            const { hitId: id, atMs: seenMs, key, reference, kind } = sighting;
            put({
              id,
              tenant,
              key,
              marks,
              reference,
              kind,
              firstSeenMs: seenMs,
              lastSeenMs: seenMs,
              timesSeen: 1,
              seenAfterRemoval: 0,
              status: isPossible ? 'possible' : 'open',
              quarantined,
              isPossible,
              list,
              category,
              startedMs: seenMs,
              stoppedMs: isPossible ? seenMs : null,
              evidence,
              assignee: null,
              disputed: false,
              history: [],
              handling: [],
            });
            if (!quarantined && !isPossible) addNews('new', tenant, id, seenMs);
            return { id, isNew: true };
          }
          const isMatch = !quarantined && !isPossible;
          const becomesCase = (held.quarantined || isNoCase(held)) && isMatch;
          const wasPossible = held.status === 'possible';
          if (repeated && !becomesCase) return { id: held.id, isNew: false };
          const times = repeated ? 0 : 1;
          put({
            ...held,
            lastSeenMs: Math.max(held.lastSeenMs, sighting.atMs),
            timesSeen: held.timesSeen + times,
            seenAfterRemoval: held.seenAfterRemoval + (held.status === 'removed' ? times : 0),
            ...(becomesCase ? { quarantined: false, isPossible: false, list, category, evidence } : {}),
            marks: becomesCase && marks ? { ...held.marks, ...marks } : held.marks,
            startedMs: becomesCase && held.status === 'open' ? sighting.atMs : held.startedMs,
          });
          if (becomesCase) addNews('new', tenant, held.id, sighting.atMs);
          const reopens = held.status === 'removed' ? !quarantined && !repeated : wasPossible && becomesCase;
          if (!reopens) return { id: held.id, isNew: false };
          put({
            ...hits.find(({ id }) => id === held.id)!,
            status: 'open',
            disputed: false,
            startedMs: sighting.atMs,
            stoppedMs: null,
            history: [...held.history, { atMs: sighting.atMs, status: 'open', note: null, by: 'zeef' }],
          });
          if (!becomesCase) addNews('reopened', tenant, held.id, sighting.atMs);
          return { id: held.id, isNew: false, isReopened: true as const };
        });
        return { outcome: repeated ? 'repeated' : 'recorded', hits: told };
      });
    },
    async counts({ tenant, fromMs, toMs, interval, seriesCells }) {
      const mine = tallies.filter(isOf(tenant));
      const unit = (atMs: number) => (atMs < hoursFromMs ? DAY_MS : HOUR_MS);
      const first = Math.max(fromMs, Math.min(...mine.map(({ startMs }) => startOfUnit(startMs, unit(startMs)))));
      const last = Math.min(
        toMs,
        Math.max(...mine.map(({ startMs }) => startOfUnit(startMs, unit(startMs)) + unit(startMs))),
      );
      if (mine.length === 0 || !(first < last)) return { fromMs: 0, toMs: 0, tenants: [], series: [] };
      const range = {
        fromMs: startOfUnit(first, unit(first)),
        toMs: startOfUnit(last - 1, unit(last - 1)) + unit(last - 1),
      };
      const inside = mine.filter(({ startMs }) => startMs >= range.fromMs && startMs < range.toMs);
      const sumBy = (nameOf: (tally: Tally) => string) => {
        const sums = new Map<string, TallySum>();
        for (const tally of inside) {
          const sum = sums.get(nameOf(tally)) ?? new TallySum();
          sums.set(nameOf(tally), sum);
          sum.add(tally);
        }
        return [...sums];
      };
      return {
        ...range,
        tenants: sumBy((tally) => tally.tenant)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { totals, cells }]) => ({ tenant: name, startMs: range.fromMs, totals, cells })),
        series:
          interval === null
            ? []
            : sumBy(({ startMs }) => {
                // Where hours were dropped, a series of hours has days.
                const step = interval === 'hour' && startMs < hoursFromMs ? 'day' : interval;
                return String(startOf(step, startMs));
              })
                .map(([startMs, { totals, cells }]) => ({
                  startMs: Number(startMs),
                  totals,
                  cells: seriesCells ? cells : [],
                }))
                .sort((a, b) => a.startMs - b.startMs),
      };
    },
    async hits(filter) {
      return hits
        .filter(isOf(filter.tenant))
        .filter((hit) => filter.list === undefined || hit.list === filter.list)
        .filter((hit) => filter.category === undefined || hit.category === filter.category)
        .filter((hit) => filter.status === undefined || hit.status === filter.status)
        .filter((hit) => filter.kind === undefined || hit.kind === filter.kind)
        .filter((hit) => filter.reference === undefined || hit.reference === filter.reference)
        .filter(
          ({ reference }) =>
            filter.referencePrefix === undefined || reference?.startsWith(filter.referencePrefix) === true,
        )
        .filter(({ assignee }) => filter.assignee === undefined || assignee === filter.assignee)
        .filter(({ disputed }) => !filter.isDisputed || disputed)
        .filter(({ marks }) => filter.mark === undefined || marks?.[filter.mark.algorithm] === filter.mark.mark)
        .filter(({ marks }) => !filter.isUnmarked || marks === undefined)
        .filter((hit) => filter.fromMs === undefined || hit.firstSeenMs >= filter.fromMs)
        .filter((hit) => filter.toMs === undefined || hit.firstSeenMs < filter.toMs)
        .filter(
          ({ id }) =>
            filter.beforeId === undefined ||
            filter.due ||
            (filter.oldestFirst ? id > filter.beforeId : id < filter.beforeId),
        )
        .filter(
          ({ stoppedMs, quarantined, startedMs }) =>
            filter.runningSinceMs === undefined ||
            (stoppedMs === null && !quarantined && startedMs < filter.runningSinceMs),
        )
        .filter(({ stoppedMs }) => !filter.due || stoppedMs === null)
        .sort((a, b) => {
          const isById = a.id < b.id === (filter.due !== undefined || (filter.oldestFirst ?? false)) ? -1 : 1;
          return filter.due ? dueMs(a.startedMs, filter.due) - dueMs(b.startedMs, filter.due) || isById : isById;
        })
        .filter(({ startedMs, id }) => {
          const { due } = filter;
          if (!due?.after) return true;
          const ms = dueMs(startedMs, due);
          return ms > due.after.dueMs || (ms === due.after.dueMs && id > due.after.id);
        })
        .slice(0, filter.limit)
        .map(toStored);
    },
    async hit(tenant, id) {
      const held = hits.filter(isOf(tenant)).find((hit) => hit.id === id);
      return held ? toStored(held) : null;
    },
    async changeHit(tenant, id, expected, { atMs, status, note, by, key, startedMs, stoppedMs }) {
      const held = hits.filter(isOf(tenant)).find((hit) => hit.id === id);
      if (held?.status !== expected) return false;
      put({
        ...held,
        status,
        disputed: false,
        startedMs,
        stoppedMs,
        history: [...held.history, { atMs, status, note, by, ...(key ? { key } : {}) }],
      });
      return true;
    },
    async handleHit(tenant, id, handling) {
      const held = hits.filter(isOf(tenant)).find((hit) => hit.id === id);
      if (!held) return false;
      const { assignee = held.assignee, disputed = held.disputed } = handling;
      put({ ...held, assignee, disputed, handling: [...held.handling, JSON.parse(JSON.stringify(handling))] });
      return true;
    },
    async markHits(added) {
      for (const { id, marks } of added) {
        const held = hits.find((hit) => hit.id === id && hit.marks === undefined);
        if (held) put({ ...held, marks });
      }
    },
    async cases({ tenant, fromMs, toMs, runningSinceMs }) {
      const mine = hits
        .filter(isOf(tenant))
        .filter((hit) => !hit.quarantined && !isNoCase(hit) && hit.firstSeenMs >= fromMs && hit.firstSeenMs < toMs);
      const names = [...new Set(mine.map((hit) => hit.tenant))].sort();
      return names.map((name): Cases => {
        const own = mine.filter((hit) => hit.tenant === name);
        const running = own.filter(({ stoppedMs }) => stoppedMs === null).map(({ startedMs }) => startedMs);
        const removed = own.filter(({ status, stoppedMs }) => status === 'removed' && stoppedMs !== null);
        const counted = (took: readonly number[]) =>
          [...new Set(took)].sort((a, b) => a - b).map((ms) => [ms, took.filter((t) => t === ms).length] as const);
        const count = (status: string) => own.filter((hit) => hit.status === status).length;
        return {
          tenant: name,
          byStatus: Object.fromEntries(HIT_STATUSES.map((status) => [status, count(status)])) as Cases['byStatus'],
          seenAgainAfterRemoval: own.filter((hit) => hit.seenAfterRemoval > 0).length,
          oldestRunningMs: running.length > 0 ? Math.min(...running) : null,
          runningSince: runningSinceMs.map((sinceMs) => running.filter((ms) => ms < sinceMs).length),
          removedAfterMs: counted(removed.map(({ startedMs, stoppedMs }) => stoppedMs! - startedMs)),
          removedAfterFoundMs: counted(
            removed.map(
              ({ startedMs, firstSeenMs, stoppedMs, seenAfterRemoval }) =>
                stoppedMs! - (seenAfterRemoval === 0 ? firstSeenMs : startedMs),
            ),
          ),
        };
      });
    },
    news: async (limit) => ({ news: news.slice(0, limit), lost: 0 }),
    newsMark: async () => String(newsEver),
    newsAfter: async (mark, ids) => ids.filter((id) => Number(id) > Number(mark)),
    async forgetNews(ids) {
      for (const id of ids) {
        const at = news.findIndex((one) => one.id === id);
        if (at >= 0) news.splice(at, 1);
      }
    },
    async verify() {
      const sum = new TallySum();
      for (const tally of tallies) sum.add(tally);
      return { ok: true, problems: [], hits: hits.length, events, totals: sum.totals ?? NO_TOTALS, heads: {} };
    },
    backup: async () => ({ bytes: 0 }),
    async retain({ hitsStoppedBeforeMs, hoursBeforeMs }) {
      const kept = hits.filter(
        ({ stoppedMs }) => hitsStoppedBeforeMs === null || stoppedMs === null || stoppedMs >= hitsStoppedBeforeMs,
      );
      const gone = hits.length - kept.length;
      hits.splice(0, hits.length, ...kept);
      const left = news.filter(({ hitId }) => kept.some(({ id }) => id === hitId));
      news.splice(0, news.length, ...left);
      const beforeMs = hoursBeforeMs === null ? 0 : startOf('day', hoursBeforeMs);
      const dropping = tallies.filter((tally) => tally.startMs < beforeMs && !dropped.has(tally));
      for (const tally of dropping) dropped.add(tally);
      // Where nothing was dropped, later hours are kept as hours.
      if (dropping.length > 0) hoursFromMs = Math.max(hoursFromMs, beforeMs);
      return { hits: gone, hours: 0 };
    },
    close: async () => {},
  };
}

/** The first deadline that is not past, else the last. */
function dueMs(startedMs: number, { nowMs, deadlinesMs }: DueOrder): number {
  const all = deadlinesMs.map((ms) => startedMs + ms);
  return Math.min(...all.filter((ms) => ms >= nowMs), Math.max(...all));
}

const startOfUnit = (atMs: number, unitMs: number) => Math.floor(atMs / unitMs) * unitMs;

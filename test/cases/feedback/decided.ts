/** Hits on a list that is synced from a publisher's service on loopback, and people who decide on them. */
import { decideHit } from '../../../src/cases/decide-hit.js';
import { planFeedback } from '../../../src/cases/feedback/plan-feedback.js';
import { type SendOptions, sendFeedback } from '../../../src/cases/feedback/send-feedback.js';
import { type EntrySum, sumDecisions, withStates } from '../../../src/cases/feedback/sum-feedback.js';
import type { HitStatus } from '../../../src/core/vocabulary.js';
import { md5, type Publisher, type SyncedList } from '../../lists/import/sources/publisher.js';

export interface Decided {
  /** A file with the digest of entry `n` is checked; the hit gets the states one after the other. Result: its id. */
  hit(n: number, ...states: HitStatus[]): Promise<string>;
  change(id: string, status: HitStatus): Promise<void>;
  rows(sinceMs?: number): ReturnType<typeof withStates>;
  sums(): Promise<readonly EntrySum[]>;
  plan(more?: { refused?: boolean; sinceMs?: number }): ReturnType<typeof planFeedback>;
  send(more?: Partial<SendOptions>): ReturnType<typeof sendFeedback>;
  /** Sync, and load the entries. */
  sync(): Promise<void>;
  /** Remove the list, so that the next one has the hits, and close its service. */
  end(): Promise<void>;
}

/** `headers`: of checks, where a key is needed. */
export function decided(
  list: SyncedList,
  publisher: Publisher,
  headers: () => Record<string, string> = () => ({}),
): Decided {
  const { service, url } = list.running;
  const { ledger, audit } = service;
  let files = 0;
  const store = audit.as('somebody');
  const change = async (id: string, status: HitStatus) => {
    await decideHit(service, undefined, id, { status, note: null, by: 'Jane Doe', suppress: false, actor: 'jane' });
  };
  return {
    change,
    async hit(n, ...states) {
      const reference = `${list.name} file ${++files}`;
      const response = await fetch(`${url}/v1/check/hashes`, {
        method: 'POST',
        body: JSON.stringify({ items: [{ md5: md5(n), id: reference }] }),
        headers: { 'content-type': 'application/json', ...headers() },
      });
      if (!response.ok) throw new Error(await response.text());
      const { hits } = await ledger.hits({ limit: 1 });
      const [found] = hits;
      if (found?.list !== list.name || found.matches.every(({ entryId }) => entryId === ''))
        throw new Error(`no hit of ${list.name}`);
      for (const status of states) await change(found.id, status);
      return found.id;
    },
    rows: async (sinceMs) =>
      withStates(
        store.lists,
        list.name,
        await sumDecisions({ ledger, lists: store.lists }, list.name, sinceMs ?? null),
      ),
    sums: () => sumDecisions({ ledger, lists: store.lists }, list.name),
    plan: (more = {}) => planFeedback({ ...store, ledger }, list.name, more),
    send: (more = {}) =>
      sendFeedback(service, list.name, {
        env: publisher.env,
        signal: new AbortController().signal,
        actor: 'somebody',
        firstPauseMs: 1,
        ...more,
      }),
    async sync() {
      await list.sync();
      await service.reload();
    },
    async end() {
      await service.store.lists.removeList(list.name);
      await list.close();
    },
  };
}

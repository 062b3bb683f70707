/** A publisher's service on loopback, and a list that is synced from it. Faults are laid over the service's own answers. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPageReader, type PageReader } from '../../../../src/lists/import/page-reader.js';
import { type SyncOptions, syncList } from '../../../../src/lists/import/sync-list.js';
import type { SourceInfo } from '../../../../src/store/lists-contract.js';
import { NEW_SOURCE } from '../../../../src/store/source-row.js';
import { type Running, startService } from '../../../support/running.js';

export interface Asked {
  readonly method: string;
  /** On the host that the client asked. */
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The rules of one service, from what its public clients send and read. */
export interface Publisher {
  readonly type: SourceInfo['type'];
  /** Behind the host; the configured URL. */
  readonly base: string;
  readonly settings: Partial<SourceInfo>;
  readonly env: Readonly<Record<string, string>>;
  /** Parts of addresses, bodies and headers that nothing may show. */
  readonly hidden: readonly string[];
  /** Publish an entry with the digest `md5(n)`, changed at a time in seconds since 1970; withdraw it. */
  publish(n: number, at: number): void;
  withdraw(n: number, at: number): void;
  /** Whether the request is for a page of entries. */
  isPage(asked: Asked): boolean;
  answer(asked: Asked): Reply;
  /** A page whose link leads to this address, where pages have links. */
  readonly linkingTo?: (address: string) => string;
}

/** The answer of a fault: instead of the service's, or `null` for its own. */
type Fault = (asked: Asked, response: ServerResponse, reply: Reply) => Reply | 'done' | null;

export const md5 = (n: number) => n.toString(16).padStart(32, '0');
/** Entries of one page of the services here. */
export const PAGE = 2;

export interface SyncedList {
  readonly running: Running;
  readonly name: string;
  readonly host: string;
  /** Requests for pages, in order. */
  readonly pages: Asked[];
  readonly asked: Asked[];
  fault: Fault;
  /** Of requests that are for no page. */
  callFault: Fault;
  set(more?: Partial<SourceInfo>): Promise<void>;
  sync(more?: Partial<SyncOptions>): ReturnType<typeof syncList>;
  /** Digests of the list, as numbers. */
  values(): Promise<number[]>;
  source(): Promise<SourceInfo>;
  close(): Promise<void>;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

/** A service, and lists of it that are synced one after the other. */
export interface Syncing {
  startSynced(publisher: Publisher): Promise<SyncedList>;
  close(): Promise<void>;
}

export async function startSyncing(flags: Record<string, string> = {}): Promise<Syncing> {
  const running = await startService(flags);
  const reader = createPageReader();
  let lists = 0;
  return {
    startSynced: (publisher) => startSynced(publisher, { running, reader, name: `remote-${++lists}` }),
    async close() {
      await running.stop();
      await reader.close();
    },
  };
}

async function startSynced(
  publisher: Publisher,
  { running, reader, name }: { readonly running: Running; readonly reader: PageReader; readonly name: string },
): Promise<SyncedList> {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, `http://${request.headers.host}`);
    const { method = '', headers } = request;
    const asked: Asked = { method, url, headers, body: await textOf(request) };
    list.asked.push(asked);
    if (publisher.isPage(asked)) list.pages.push(asked);
    const own = publisher.answer(asked);
    const given = (publisher.isPage(asked) ? list.fault : list.callFault)(asked, response, own);
    if (given === 'done') return;
    const { status = 200, headers: sent = {}, body = '' } = given ?? own;
    response.writeHead(status, sent).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { lists } = running.service.store;
  await lists.createList({ list: name, kind: 'match', radiusBits: 31 });
  const list: SyncedList = {
    running,
    name,
    host,
    pages: [],
    asked: [],
    fault: () => null,
    callFault: () => null,
    async set(more = {}) {
      const { type, base, settings } = publisher;
      await lists.setSource(name, { ...NEW_SOURCE, type, url: host + base, ...settings, ...more });
    },
    sync: (more = {}) =>
      syncList(running.service.store, name, {
        dataDir: running.service.config.dataDir,
        radiusBits: 31,
        env: publisher.env,
        pages: reader,
        firstPauseMs: 1,
        ...more,
      }),
    async values() {
      const found: number[] = [];
      const { version } = (await lists.list(name))!;
      if (version === 0) return found;
      for await (const row of await lists.versionRows(name, version))
        if (row.ok) found.push(Number.parseInt(row.entry.value, 16));
      return found.sort((a, b) => a - b);
    },
    source: async () => (await lists.source(name))!,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await list.set();
  return list;
}

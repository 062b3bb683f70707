/** Hostile requests, lists and sources, each of which once starved, filled or outwitted the service. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from '../pdq-like.js';
import type { Target } from './target.js';

export interface Attack {
  readonly name: string;
  /** Left out of the smoke sizes, where another attack shows that the bench runs. */
  readonly isFullOnly?: true;
  /** Checks and different hashes a day of the attacker's tenant; null: no keys. */
  readonly quota?: number;
  /** Pages that a hostile list source answers, by their number. */
  readonly source?: (page: number, url: string) => string;
  /** Attack the service; return what came of it. A hostile source has only to wait for the schedule. */
  run(target: Target): Promise<string>;
}

interface Sent {
  readonly path: string;
  readonly type: string;
  readonly body: string | Buffer;
}

/** Send a request; return its status, and the answer's text where it is short. 0: the connection was closed. */
function send({ url, authorization }: Target, { path, type, body }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const headers = {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      ...(authorization ? { authorization } : {}),
    };
    const sent = request(`${url}${path}`, { method: 'POST', headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (piece: string) => {
        if (text.length < 4_096) text += piece;
      });
      response.once('end', () => resolve({ status: response.statusCode!, text }));
      response.once('error', () => resolve({ status: 0, text }));
    });
    sent.once('error', () => resolve({ status: 0, text: '' }));
    sent.end(body);
  });
}

const hashes = (count: number, seed: number): string[] => {
  const random = seeded(seed);
  const word = () =>
    Math.floor(random() * 4_294_967_296)
      .toString(16)
      .padStart(8, '0');
  return Array.from({ length: count }, () => Array.from({ length: 8 }, word).join(''));
};

const items = (target: Target, list: readonly object[]) =>
  send(target, { path: '/v1/check/hashes', type: 'application/json', body: JSON.stringify({ items: list }) });

/** Count the statuses of answers: `200 × 38, 503 × 2`. */
function statuses(answers: readonly { readonly status: number }[]): string {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  const named = ([status, count]: readonly [number, number]) => `${status === 0 ? 'closed' : status} x ${count}`;
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(named)
    .join(', ');
}

/** Begin a body and leave it incomplete for a while. */
function sendSlowly({ url }: Target, bytes: number, holdMs: number): Promise<{ status: number }> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'image/jpeg', 'content-length': bytes };
    const sent = request(`${url}/v1/check`, { method: 'POST', headers, agent: false }, (response) => {
      response.resume();
      resolve({ status: response.statusCode! });
      sent.destroy();
    });
    sent.once('error', () => resolve({ status: 0 }));
    sent.write(Buffer.alloc(bytes - 1, 0xff));
    setTimeout(() => sent.destroy(), holdMs);
  });
}

const XML_BEGIN = '<?xml version="1.0"?><queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>';
const XML_END = '</images></queryResult>';
/** A schedule's first turn comes within seconds. */
const SOURCE_MS = 15_000;

export function attacks(smoke: boolean): readonly Attack[] {
  const size = (full: number, small: number) => (smoke ? small : full);
  const holdMs = size(6_000, 500);
  const slowBytes = size(25_000_000, 200_000);
  const all: readonly Attack[] = [
    {
      name: '2: hashes in items, quota 1,000',
      quota: 1_000,
      async run(target) {
        const [requests, inItem] = [size(255, 8), 512];
        let searched = 0;
        for (let n = 0; n < requests; n++) {
          const values = hashes(inItem, n).map((value) => ({ algorithm: 'pdq', value }));
          const { status } = await items(target, [{ hashes: values }]);
          if (status === 200) searched += inItem;
        }
        return `${searched} of ${requests * inItem} hashes searched`;
      },
    },
    {
      name: '6: NDJSON with quality',
      isFullOnly: true,
      async run(target) {
        const list = hashes(size(20_000, 500), 1).map((pdq) => JSON.stringify({ pdq, quality: 80 }));
        const body = `${list.join('\n')}\n`;
        return statuses([await send(target, { path: '/v1/check/hashes', type: 'application/x-ndjson', body })]);
      },
    },
    {
      name: '6: NDJSON of two values',
      isFullOnly: true,
      async run(target) {
        const list = hashes(size(20_000, 500), 2).map((pdq) => JSON.stringify({ pdq, md5: pdq.slice(32) }));
        const body = `${list.join('\n')}\n`;
        return statuses([await send(target, { path: '/v1/check/hashes', type: 'application/x-ndjson', body })]);
      },
    },
    {
      name: '6: JSON of 100,000 items',
      isFullOnly: true,
      run: async (target) =>
        statuses([
          await items(
            target,
            hashes(size(100_000, 1_000), 3).map((pdq) => ({ pdq })),
          ),
        ]),
    },
    {
      name: '6: items near 300 entries',
      async run(target) {
        const near = Array.from({ length: size(400, 20) }, (_, n) => ({ pdq: target.crowded, quality: 50 + (n % 50) }));
        return statuses([await items(target, near)]);
      },
    },
    {
      name: '6: brackets',
      isFullOnly: true,
      async run(target) {
        const body = `{"items":[${'['.repeat(size(28_000_000, 100_000))}`;
        return statuses([await send(target, { path: '/v1/check/hashes', type: 'application/json', body })]);
      },
    },
    {
      name: '6: brackets, closed',
      async run(target) {
        const depth = size(14_000_000, 50_000);
        const body = `{"items":[{"pdq":${'['.repeat(depth)}${']'.repeat(depth)}}]}`;
        return statuses([await send(target, { path: '/v1/check/hashes', type: 'application/json', body })]);
      },
    },
    {
      name: '7: slow bodies of 25 MB',
      async run(target) {
        const slow = Array.from({ length: size(60, 4) }, () => sendSlowly(target, slowBytes, holdMs));
        return statuses(await Promise.all(slow));
      },
    },
    {
      name: '7: parallel batches',
      isFullOnly: true,
      async run(target) {
        const body = JSON.stringify({ items: hashes(size(100_000, 200), 4).map((pdq) => ({ pdq })) });
        const path = '/v1/check/hashes';
        const all = Array.from({ length: size(40, 4) }, () => send(target, { path, type: 'application/json', body }));
        return statuses(await Promise.all(all));
      },
    },
    {
      name: '7: ids of 28 MB',
      async run(target) {
        const answers: { status: number; text: string }[] = [];
        for (let n = 0; n < size(19, 2); n++) {
          const id = String(n).padEnd(size(28_000_000, 100_000), 'x');
          answers.push(await items(target, [{ id, md5: target.known }]));
        }
        const refused = answers.filter(({ text }) => text.includes('"error"')).length;
        const { status } = await fetch(`${target.url}/v1/hits`);
        return `${statuses(answers)}, ${refused} items refused; hits: ${status}`;
      },
    },
    {
      name: '8: source of deep XML',
      source: () => {
        const depth = size(2_000_000, 2_000);
        return `${XML_BEGIN}${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}${XML_END}`;
      },
      run: async () => {
        await delay(size(SOURCE_MS, 1_500));
        return '';
      },
    },
    {
      name: '8: source without end',
      isFullOnly: true,
      source: (page, url) =>
        `${XML_BEGIN}</images><paging><next>${url}?start=${page + 1}&amp;from=0</next></paging></queryResult>`,
      run: async () => {
        await delay(size(SOURCE_MS, 1_500));
        return '';
      },
    },
    {
      name: '8: import of brackets',
      async run(target) {
        const body = '['.repeat(size(20_000_000, 50_000));
        const path = '/v1/lists/known/entries?format=json&map=value%3Dv,algorithm%3Da';
        return statuses([await send(target, { path, type: 'application/octet-stream', body })]);
      },
    },
  ];
  return smoke ? all.filter(({ isFullOnly = false }) => !isFullOnly) : all;
}

/** Serve the pages of a hostile source on loopback. `pages`: how many were fetched. */
export async function serveSource(
  page: NonNullable<Attack['source']>,
): Promise<{ url: string; pages(): number; stop(): void }> {
  let [url, asked] = ['', 0];
  const server: Server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/xml');
    response.end(page(asked++, url));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/entries`;
  return {
    url,
    pages: () => asked,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Work that ends by signals or after a time, also while garbage is collected. */
import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { boundedWork, isOverdue } from '../../src/core/bounded-work.js';
import { collectAllTheTime } from '../support/collect-garbage.js';

/** Work that waits for its signal, and returns why it ended. */
const untilEnded = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    signal.addEventListener('abort', () => resolve(signal.reason));
  });

test('each of several signals ends the work with its reason', async () => {
  for (const at of [0, 1]) {
    const controllers = [new AbortController(), new AbortController()];
    const signals = controllers.map(({ signal }) => signal);
    const ended = boundedWork({ signals, ms: 60_000 }, untilEnded);
    controllers[at]!.abort('stop');
    expect(await ended).toBe('stop');
  }
});

test('work begins with an ended signal where one has ended before', async () => {
  const signals = [new AbortController().signal, AbortSignal.abort('stopped before')];
  expect(await boundedWork({ signals }, untilEnded)).toBe('stopped before');
});

test('a time ends it, and is known from a signal that ends it', async () => {
  expect(await boundedWork({ ms: 20 }, untilEnded)).toMatchObject({ name: 'TimeoutError' });
  const stopping = new AbortController();
  const overdue = (ms: number) =>
    boundedWork({ signals: [stopping.signal], ms }, async (signal) => {
      await untilEnded(signal);
      return isOverdue(signal);
    });
  expect(await overdue(20)).toBe(true);
  setTimeout(() => stopping.abort(), 20);
  expect(await overdue(60_000)).toBe(false);
});

test('nothing stays with a signal that lives on, or with the process', async () => {
  const { signal } = new AbortController();
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const of = { signals: [signal], ms: 60_000 };
  expect(await boundedWork(of, async () => 'result')).toBe('result');
  await expect(boundedWork(of, () => Promise.reject(new Error('own')))).rejects.toThrow('own');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(timers()).toBe(before);
});

test.each(['before its head', 'in its body'])(
  'a request that hangs %s ends while garbage is collected',
  async (where) => {
    const server = createServer((_request, response) => {
      if (where !== 'before its head') response.writeHead(200).write('begun');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => server.closeAllConnections());
    onTestFinished(() => void server.close());
    collectAllTheTime();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const request = (ends: { readonly signals?: readonly AbortSignal[]; readonly ms?: number }) =>
      boundedWork(ends, async (signal) => (await fetch(url, { redirect: 'manual', signal })).text()).catch(
        (error: Error) => error.name,
      );
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 300);
    expect(await request({ signals: [new AbortController().signal], ms: 300 })).toBe('TimeoutError');
    expect(await request({ signals: [stopping.signal], ms: 60_000 })).toBe('AbortError');
  },
);

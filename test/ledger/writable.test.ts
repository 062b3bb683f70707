import { expect, test } from 'vitest';
import { Writable } from '../../src/ledger/writable.js';

function started() {
  const time = { ms: 1_000 };
  const changes: (string | null)[] = [];
  const writable = new Writable({ steadyMs: () => time.ms, onChange: (why) => changes.push(why) });
  const fail = () => writable.attempt(() => Promise.reject(new Error('full'))).catch(() => {});
  const succeed = () => writable.attempt(async () => {});
  return { time, changes, writable, fail, succeed };
}

test('the time without a record counts from the first failure, to the first success', async () => {
  const { time, changes, writable, fail, succeed } = started();
  await succeed();
  expect([writable.isWritable, writable.unwritableMs, changes]).toEqual([true, 0, []]);
  await fail();
  time.ms += 300;
  await fail();
  time.ms += 400;
  expect([writable.isWritable, writable.unwritableMs, changes]).toEqual([false, 700, ['Error: full']]);
  await succeed();
  expect([writable.isWritable, writable.unwritableMs, changes]).toEqual([true, 0, ['Error: full', null]]);
});

test('an attempt that hangs counts while it hangs', async () => {
  const { time, writable, succeed } = started();
  let end = () => {};
  const hanging = writable.attempt(() => new Promise<void>((resolve) => (end = resolve)));
  time.ms += 6_000;
  expect([writable.unwritableMs, writable.isProbeDue]).toEqual([6_000, false]);
  // Another one that succeeds shows that the store can be written to.
  await succeed();
  time.ms += 100;
  expect(writable.unwritableMs).toBe(100);
  end();
  await hanging;
  expect(writable.unwritableMs).toBe(0);
});

test('a probe is due after two idle seconds, and at once after a failure', async () => {
  const { time, writable, fail, succeed } = started();
  expect(writable.isProbeDue).toBe(false);
  time.ms += 1_999;
  expect(writable.isProbeDue).toBe(false);
  time.ms += 1;
  expect(writable.isProbeDue).toBe(true);
  await succeed();
  expect(writable.isProbeDue).toBe(false);
  await fail();
  expect(writable.isProbeDue).toBe(true);
});

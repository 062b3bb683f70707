/** The contract of every store of notes. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'notes' | 'close'>;

/** No test takes as long. */
const LONG_MS = 600_000;

export function notesContract(name: string, place: Place<Part>): void {
  describe(name, () => {
    let store: Part;
    let other: Part;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
      other = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await other.close();
    });
    const send = (part: Part, writer: string, number: number, keptMs = LONG_MS) =>
      part.notes.send({ writer, number, body: Buffer.from([number, 0, 255]) }, keptMs);
    const read = async (reader: string, seen: [string, number][] = [], max = 100) =>
      (await other.notes.receive(reader, new Map(seen), max)).map(({ writer, number }) => `${writer}${number}`);

    test('a reader gets the notes of others in their order, and its own not', async () => {
      for (const number of [1, 2, 10]) await send(store, 'a', number);
      await send(other, 'b', 7);
      expect(await read('b')).toEqual(['a1', 'a2', 'a10']);
      expect(await read('c')).toEqual(['a1', 'a2', 'a10', 'b7']);
      const [note] = await other.notes.receive('b', new Map(), 1);
      expect(note).toMatchObject({ writer: 'a', number: 1 });
      expect([...note!.body]).toEqual([1, 0, 255]);
    });

    test('a reader gets what follows what it has seen of each writer, in parts', async () => {
      for (const number of [1, 2, 3]) await send(store, 'a', number);
      for (const number of [1, 2]) await send(store, 'b', number);
      expect(await read('c', [['a', 2]])).toEqual(['a3', 'b1', 'b2']);
      expect(await read('c', [['a', 2]], 2)).toEqual(['a3', 'b1']);
      expect(
        await read('c', [
          ['a', 3],
          ['b', 2],
          ['gone', 9],
        ]),
      ).toEqual([]);
    });

    test('a note that is sent again is there once', async () => {
      await Promise.all([send(store, 'a', 1), send(other, 'a', 1), send(store, 'a', 1)]);
      expect(await read('b')).toEqual(['a1']);
    });

    test('a note is gone once its time is over', async () => {
      await send(store, 'a', 1, 500);
      await send(store, 'a', 2);
      expect(await read('b')).toEqual(['a1', 'a2']);
      await delay(500);
      expect(await read('b')).toEqual(['a2']);
    });
  });
}

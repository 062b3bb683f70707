/** Ids: their time, their order and their randomness. */
import { decodeTime } from 'ulid';
import { expect, test } from 'vitest';
import { newId, orderedIds } from '../../src/core/new-id.js';

const MANY = 20_000;

test('an id has its time, and no other has it', () => {
  const atMs = 1_700_000_000_000;
  expect(decodeTime(newId(atMs))).toBe(atMs);
  expect(Math.abs(decodeTime(newId()) - Date.now())).toBeLessThan(1_000);
  const ids = Array.from({ length: MANY }, () => newId(atMs));
  expect(new Set(ids).size).toBe(MANY);
  expect(ids.every((id) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(id))).toBe(true);
});

test('every character is as frequent at every place of the random part', () => {
  const counts = Array.from({ length: 16 }, () => new Map<string, number>());
  for (let n = 0; n < MANY; n++) {
    const random = newId(0).slice(10);
    for (const [at, character] of [...random].entries())
      counts[at]!.set(character, (counts[at]!.get(character) ?? 0) + 1);
  }
  for (const of of counts) {
    expect(of.size).toBe(32);
    // Expected 625 of each, with a standard deviation of 25.
    for (const count of of.values()) expect(Math.abs(count - MANY / 32)).toBeLessThan(200);
  }
});

test('ordered ids rise within a millisecond', () => {
  const next = orderedIds();
  const ids = Array.from({ length: 1_000 }, () => next(5));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(1_000);
});

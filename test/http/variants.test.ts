/** Variants over HTTP: shown with their entry, and in a match for keys that see details; removed with it. */
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImages } from '../../src/cases/add-images.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const PATH = `${PICTURES}/lomiri-greentock-by-peter-nerlich.jpg`;
const VARIANTS = 39;
let running: Running;
let entryId: string;
let copy: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  running = await startService();
  const { service } = running;
  const parts = { ...service, radiusBits: 31, detail: 'plain' as const };
  const request = { list: 'own', lists: service.store.lists, images: [{ path: PATH }], about: {}, variants: true };
  const { images } = await addImages(parts, request);
  entryId = images[0]!.entryId!;
  await service.reload();
  const { width, height } = await sharp(PATH).metadata();
  const inner = { width: Math.round(width * 0.8), height: Math.round(height * 0.8) };
  const box = { left: Math.round(width * 0.1), top: Math.round(height * 0.1), ...inner };
  copy = Uint8Array.from(await sharp(readFileSync(PATH)).extract(box).jpeg().toBuffer());
});
afterAll(() => running.stop());

const request = async (method: string, path: string, body?: object) => {
  const headers = body ? { 'content-type': 'application/json' } : {};
  const answer = await fetch(`${running.url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const entry = () => request('GET', `/v1/lists/own/entries/${entryId}`);
async function check(): Promise<{ verdict: string; matches: Record<string, unknown>[] }> {
  const headers = { 'content-type': 'image/jpeg' };
  const answer = await fetch(`${running.url}/v1/check?lists=own`, { method: 'POST', headers, body: copy });
  return (await answer.json()) as { verdict: string; matches: Record<string, unknown>[] };
}

test('the values of the entry have their marks, and never a hash', async () => {
  const { body } = await entry();
  const values = body.values as Record<string, unknown>[];
  expect(values.filter(({ derived }) => derived === null)).toHaveLength(5);
  expect(values.filter(({ derived }) => derived === 'crop')).toHaveLength(31);
  expect(values.filter(({ derived }) => derived === 'rotation')).toHaveLength(VARIANTS - 31);
  expect(JSON.stringify(body)).not.toMatch(/[0-9a-f]{32}/);
});

test('a match by one says so, and what is done to the entry is done to it', async () => {
  expect(await check()).toMatchObject({ verdict: 'match', matches: [{ entryId, derived: 'crop', window: null }] });
  const change = (enabled: boolean) => request('PATCH', `/v1/lists/own/entries/${entryId}`, { enabled });
  expect((await change(false)).body).toEqual({ entries: 5 + VARIANTS });
  expect((await check()).verdict).not.toBe('match');
  expect((await change(true)).body).toEqual({ entries: 5 + VARIANTS });
  expect((await check()).verdict).toBe('match');
  expect((await request('DELETE', `/v1/lists/own/entries/${entryId}`)).body).toEqual({ entries: 5 + VARIANTS });
  expect((await check()).verdict).not.toBe('match');
  expect((await entry()).status).toBe(404);
});

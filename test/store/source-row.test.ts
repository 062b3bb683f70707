/** Sources as they are stored, by this version and by earlier ones. */
import { expect, test } from 'vitest';
import { NEW_SOURCE, sourceOf } from '../../src/store/source-row.js';

const EARLIER = {
  url: 'https://example.org/v2/entries',
  user: 'me',
  everyMinutes: 60,
  checkpoint: '2026-02-09T00:00:00Z',
  syncedAt: '2026-02-10T00:00:00Z',
};

test.each([
  ['ncmec', null, { password: { env: 'S' } }],
  ['tech-against-terrorism', null, { password: { env: 'S' } }],
  ['stopncii', 'x-functions-key', { functionKey: { env: 'S' } }],
  ['stopncii', 'Ocp-Apim-Subscription-Key', { subscriptionKey: { env: 'S' } }],
  ['a type of a later version', null, { password: { env: 'S' } }],
])('a row of an earlier version: %s with header %s', (type, header, secrets) => {
  expect(sourceOf(JSON.stringify({ type, secretEnv: 'S', header, ...EARLIER }))).toEqual({
    ...NEW_SOURCE,
    type,
    secrets,
    ...EARLIER,
  });
  expect(sourceOf(JSON.stringify({ type, secretEnv: null, header, ...EARLIER })).secrets).toEqual({});
});

test('a row of this version is read as it was written', () => {
  const source = {
    ...NEW_SOURCE,
    type: 'ncmec',
    ...EARLIER,
    secrets: { password: { sealed: 'AAAA' } },
    members: ['1'],
  };
  expect(sourceOf(JSON.stringify(source))).toEqual(source);
});

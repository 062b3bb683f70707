import { expect, test } from 'vitest';
import { addressOf, requireReferenceUrl } from '../../src/core/reference-url.js';

test.each([
  'https://admin.example/{reference}',
  'http://10.0.0.7:8080/files?of={reference}&again={reference}',
  'https://admin.example/app#/file/{reference}',
])('a template: %s', (template) => {
  expect(() => requireReferenceUrl(template)).not.toThrow();
});

test.each([
  'https://admin.example/',
  'javascript:alert({reference})',
  'data:text/html,{reference}',
  'ftp://admin.example/{reference}',
  '//admin.example/{reference}',
  '{reference}',
  'https://{reference}/',
  'https://{reference}.example/',
  'https://admin.example{reference}/',
  'https://admin.example:{reference}/',
  'https://me:{reference}@admin.example/',
  'https://me@admin.example/{reference}',
  'java\nscript:alert({reference})',
  'https://admin.example/\u202e{reference}',
  `https://admin.example/{reference}${'x'.repeat(2_048)}`,
])('no template: %s', (template) => {
  expect(() => requireReferenceUrl(template)).toThrow(
    expect.objectContaining({ code: 'REQUEST_INVALID', details: expect.objectContaining({ field: 'referenceUrl' }) }),
  );
});

test('whatever the reference is, it is encoded, and leads below the template', () => {
  const template = 'https://admin.example/files/{reference}?q=1';
  expect(addressOf(template, 'a/b c&d=1#é"<')).toBe('https://admin.example/files/a%2Fb%20c%26d%3D1%23%C3%A9%22%3C?q=1');
  expect(addressOf(template, '$& $1')).toBe('https://admin.example/files/%24%26%20%241?q=1');
  expect(addressOf(template, '\ud800')).toBe('https://admin.example/files/%EF%BF%BD?q=1');
  for (const reference of [
    '../../x',
    '//evil.example/',
    '\\\\evil.example',
    'javascript:alert(1)',
    '@evil.example',
    '...',
  ]) {
    const { origin, pathname } = new URL(addressOf(template, reference)!);
    expect([origin, pathname.startsWith('/files/'), pathname.split('/').length], reference).toEqual([
      'https://admin.example',
      true,
      3,
    ]);
  }
  expect(['.', '..', null].map((reference) => addressOf(template, reference))).toEqual([null, null, null]);
  expect(addressOf(null, 'a')).toBeNull();
});

/** A connection that cannot keep what Zeef promises is refused. */
import { describe, expect, test } from 'vitest';
import { hostsOf, urlsOf } from '../../src/postgres/hosts.js';
import { refusalOf } from '../../src/postgres/session.js';

const FIT = {
  version: 180_004,
  isStandby: false,
  readOnly: 'off',
  fsync: 'on',
  synchronousCommit: 'on',
  standbyNames: '',
  encoding: 'UTF8',
  mark: '',
};

test.each([
  ['PostgreSQL 14', { version: 140_012 }],
  ['another encoding', { encoding: 'SQL_ASCII' }],
  ['a standby', { isStandby: true }],
  ['a read-only server', { readOnly: 'on' }],
  ['fsync=off', { fsync: 'off' }],
  ['synchronous_commit=off', { synchronousCommit: 'off' }],
  ['commits that do not wait for the named standbys', { synchronousCommit: 'local', standbyNames: '*' }],
])('refused: %s', (_name, session) => {
  expect(refusalOf({ ...FIT, ...session })).toEqual(expect.any(String));
});

test.each([
  ['PostgreSQL 15', { version: 150_000 }],
  ['local commits without standbys', { synchronousCommit: 'local' }],
  ['commits that wait until standbys have applied them', { synchronousCommit: 'remote_apply', standbyNames: '*' }],
])('accepted: %s', (_name, session) => {
  expect(refusalOf({ ...FIT, ...session })).toBeNull();
});

describe('the URL of a database', () => {
  test.each([
    ['postgres://u:p@a/d', ['postgres://u:p@a/d'], 'a'],
    [
      'postgresql://u:p@a:1,b,[::1]:3/d?x=y,z',
      ['a:1', 'b', '[::1]:3'].map((at) => `postgresql://u:p@${at}/d?x=y,z`),
      'a:1,b,[::1]:3',
    ],
    ['postgres://u@%2Ftmp%2Fx/d', ['postgres://u@%2Ftmp%2Fx/d'], '%2Ftmp%2Fx'],
    ['postgres://u@/d?host=/tmp/x&password=p', ['postgres://u@/d?host=/tmp/x&password=p'], '/tmp/x'],
    ['postgres:///d', ['postgres:///d'], 'localhost'],
    ['postgres://a/d?sslmode=require', ['postgres://a/d?sslmode=verify-full'], 'a'],
    ['postgres://a/d?x=y&sslmode=verify-ca&z=1', ['postgres://a/d?x=y&sslmode=verify-full&z=1'], 'a'],
    ['postgres://a/d?sslmode=prefer', ['postgres://a/d?sslmode=verify-full'], 'a'],
    ['postgres://a/d?sslmode=no-verify', ['postgres://a/d?sslmode=no-verify'], 'a'],
    ['postgres://a/d?sslmode=disable', ['postgres://a/d?sslmode=disable'], 'a'],
  ])('%s', (url, urls, hosts) => {
    expect(urlsOf(url)).toEqual(urls);
    expect(hostsOf(url)).toBe(hosts);
  });

  test.each([
    '',
    'secret',
    'mysql://u:secret@a/d',
    'postgres://u:secret@a:b/d',
    'postgres://u:secret@a,/d',
    'postgres://u:se/cret@a/d',
  ])('is refused without its password: %s', (url) => {
    let error: unknown;
    try {
      urlsOf(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    const { message, stack, cause, details } = error as Error & { details: object };
    expect(JSON.stringify([message, stack, cause, details])).not.toMatch(/secret|cret@/);
  });
});

import type { BigIntStats } from 'node:fs';
import { expect, test } from 'vitest';
import { faultOf, identityOfStatus, isSameFile } from '../../src/core/file-identity.js';

const ONE = { size: 1, mtimeNs: 2n, ctimeNs: 3n, inode: 4n, device: 5n };

test('a file is the same while its size, its times, its inode and its device are', () => {
  expect(isSameFile(ONE, { ...ONE })).toBe(true);
  for (const other of [{ size: 2 }, { mtimeNs: 3n }, { ctimeNs: 4n }, { inode: 5n }, { device: 6n }])
    expect(isSameFile(ONE, { ...ONE, ...other }), Object.keys(other)[0]).toBe(false);
});

test.each([
  [2n ** 62n, Number.MAX_SAFE_INTEGER, 2n ** 63n, -(2n ** 63n)],
  [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER, 2n ** 63n - 1n, 2n ** 63n - 1n],
  [0n, 0, -(2n ** 63n), -(2n ** 63n)],
  [5n, 5, -(2n ** 63n) - 1n, 2n ** 63n - 1n],
])('a status of size %d is within the bounds of an identity', (size, kept, timeNs, keptNs) => {
  const status = { size, mtimeNs: timeNs, ctimeNs: timeNs, ino: 2n ** 64n - 1n, dev: 7n } as BigIntStats;
  const identity = { size: kept, mtimeNs: keptNs, ctimeNs: keptNs, inode: 2n ** 64n - 1n, device: 7n };
  expect(identityOfStatus(status)).toEqual(identity);
});

test('what a system call says is one of the faults of a file', () => {
  const faults = { ENOENT: 'FILE_VANISHED', ELOOP: 'FILE_CHANGED', ENOTDIR: 'FILE_CHANGED', EIO: 'FILE_UNREADABLE' };
  for (const [code, fault] of Object.entries(faults))
    expect(faultOf(Object.assign(new Error(), { code, syscall: 'open' }))).toBe(fault);
  // A limit of the process, and a fault of the program.
  for (const other of [{ code: 'EMFILE', syscall: 'open' }, {}])
    expect(() => faultOf(Object.assign(new Error('other'), other))).toThrow('other');
});

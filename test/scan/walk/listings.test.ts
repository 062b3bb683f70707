/** Names in a listing whose status the system does not give are left to the scan, which reports them. */
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import { pathBytesOf } from '../../../src/core/path-bytes.js';
import { Listings } from '../../../src/scan/walk/listings.js';
import { OpenFolders } from '../../../src/scan/walk/open-folders.js';
import { ENTRY_TYPES, type ListRequest } from '../../../src/scan/walk/walk-protocol.js';

const requestOf = (path: string, more: Partial<ListRequest>): ListRequest => {
  const folder = pathBytesOf(path);
  const place = { folder, anchor: { path: folder, device: null, inode: null } };
  return { op: 'list', place, followsLinks: false, wantsDevices: false, ...more };
};

test('a folder that cannot be inspected is taken to be on the device of its parent, so it is visited', () => {
  const path = tempFolder('listings');
  const names = ['one', 'two', 'three'];
  for (const name of names) mkdirSync(join(path, name));
  const remove = (at: number) => {
    if (at === 1) for (const name of names) rmSync(join(path, name), { recursive: true });
  };
  const { devices } = new Listings(new OpenFolders(), remove).open(requestOf(path, { wantsDevices: true }));
  expect([...devices!]).toEqual(names.map(() => statSync(path, { bigint: true }).dev));
});

test('a link that leads to nothing is a link, one that cannot be followed is inspected as a file', () => {
  const path = tempFolder('listings');
  symlinkSync('nowhere', join(path, 'nothing'));
  symlinkSync('x'.repeat(300), join(path, 'refused'));
  const { names, types } = new Listings(new OpenFolders(), () => {}).open(requestOf(path, { followsLinks: true }));
  const typeOf = (name: string) => ENTRY_TYPES[types[names.indexOf(name)]!];
  expect([typeOf('nothing'), typeOf('refused')]).toEqual(['link', 'file']);
});

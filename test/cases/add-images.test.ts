import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { addImages } from '../../src/cases/add-images.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { PICTURES } from '../support/running.js';

test('a confirmed image is not added to a suppression list, and is not even read', async () => {
  const { lists, close } = await openSqliteStore(tempFolder('add-images'));
  await lists.createList({ list: 'benign', kind: 'suppression', radiusBits: 0 });
  const hashImage = () => Promise.reject(new Error('read'));
  const parts = { hashImage, whenRoom: async () => {}, radiusBits: 31 };
  const request = { list: 'benign', lists, paths: [`${PICTURES}/mate-freshflower.jpg`], about: {} };
  await expect(addImages(parts, request)).rejects.toMatchObject({
    code: 'REQUEST_INVALID',
    details: { list: 'benign' },
  });
  expect(await lists.list('benign')).toMatchObject({ entryCount: 0 });
  await close();
});

/** Lists of files as editors and programs write them. */
import { expect, test } from 'vitest';
import { readPaths } from '../../../src/scan/walk/file-list.js';

async function pathsOf(text: string | Buffer, end: 0 | 10 = 10, there: readonly string[] = [], pieceBytes = 3) {
  const bytes = Buffer.from(text);
  const asked: string[] = [];
  async function* source() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  const exists = async (path: string) => {
    asked.push(path);
    return there.includes(path);
  };
  const paths: string[] = [];
  for await (const path of readPaths({ source: source(), end, pathBytesMax: 100, exists })) paths.push(path);
  return { paths, asked };
}

const MARK = '\xef\xbb\xbf';

test.each<[string, string, readonly string[]]>([
  ['lines', '/a\n/b\n', ['/a', '/b']],
  ['no newline at the end', '/a\n/b', ['/a', '/b']],
  ['empty lines', '\n/a\n\n\n/b\n\n', ['/a', '/b']],
  ['CRLF', '/a\r\n/b\r\n', ['/a', '/b']],
  ['CRLF, empty lines', '\r\n/a\r\n\r\n', ['/a']],
  ['CRLF, no newline at the end', '/a\r\n/b\r', ['/a', '/b']],
  ['CRLF in some lines', '/a\r\n/b\n/c\r\n', ['/a', '/b', '/c']],
  ['a carriage return inside a name', '/a\rb\n', ['/a\rb']],
  ['a byte order mark', '\ufeff/a\n/b\n', ['/a', '/b']],
  ['a byte order mark and CRLF', '\ufeff/a\r\n/b\r\n', ['/a', '/b']],
  ['a byte order mark alone', '\ufeff', []],
  ['a byte order mark in a later line', '/a\n\ufeff/b\n', ['/a', `${MARK}/b`]],
  ['nothing', '', []],
])('%s', async (_name, text, expected) => {
  for (const pieceBytes of [1, 3, 1_000]) expect((await pathsOf(text, 10, [], pieceBytes)).paths).toEqual(expected);
});

test('a name that ends with a carriage return is kept where such a file is there', async () => {
  const { paths, asked } = await pathsOf('/a\r\n/b\r\n/c\n', 10, ['/a\r']);
  expect(paths).toEqual(['/a\r', '/b', '/c']);
  expect(asked, 'no other name costs a look').toEqual(['/a\r', '/b\r']);
});

test('with zero bytes, names are exact', async () => {
  const { paths, asked } = await pathsOf('\ufeff/a\r\0/b\n\0\0/c', 0);
  expect(paths).toEqual([`${MARK}/a\r`, '/b\n', '/c']);
  expect(asked).toEqual([]);
});

test.each([
  ['UTF-16', Buffer.from('\ufeff/a\n', 'utf16le')],
  ['paths ended by zero bytes', Buffer.from('/a\0/b\0')],
])('%s without --null is refused', async (_name, bytes) => {
  await expect(pathsOf(bytes)).rejects.toMatchObject({ code: 'REQUEST_INVALID', details: { field: 'files-from' } });
});

test('a line that is no path is refused', async () => {
  await expect(pathsOf(`/${'a'.repeat(200)}`)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

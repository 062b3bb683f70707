/**
 * File system paths are bytes of any value but 0. In memory a path is a string of one character a byte (latin1), which can
 * be joined, compared and kept in maps; it is converted to bytes only for system calls.
 */
export type PathBytes = string;

/** Convert a path given as text, by an operator or by Node, or as bytes. */
export function pathBytesOf(text: string | Uint8Array): PathBytes {
  return (
    typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  ).toString('latin1');
}

/** Return the path for `node:fs`, which takes a Buffer unchanged. */
export function systemPath(path: PathBytes): Buffer {
  return Buffer.from(path, 'latin1');
}

export function joinPath(folder: PathBytes, name: PathBytes): PathBytes {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** Return the folder of an absolute path without a slash at its end; `/` is its own. */
export function parentPath(path: PathBytes): PathBytes {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Control characters, line and paragraph separators, marks that change the writing direction. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/** Return the path as text if it is UTF-8, else null. */
export function textOf(path: PathBytes): string | null {
  try {
    return decoder.decode(systemPath(path));
  } catch {
    return null;
  }
}

const hexByte = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;

/** Return the path for display: characters that could control a terminal, and bytes that are not UTF-8, as `\xNN`. */
export function shownPath(path: PathBytes): string {
  const text = textOf(path);
  if (text === null) return path.replace(/[^\x20-\x7e]/g, (character) => hexByte(character.charCodeAt(0)));
  return text.replace(UNSAFE, (character) => Array.from(Buffer.from(character), hexByte).join(''));
}

/** Return the path's fields in a JSON line: for display, and in base64 where the display form differs from the path. */
export function pathFields(path: PathBytes): { readonly path: string; readonly pathBase64?: string } {
  const shown = shownPath(path);
  return shown === textOf(path) ? { path: shown } : { path: shown, pathBase64: systemPath(path).toString('base64') };
}

/**
 * Paths as the system has them: bytes, of any value but 0. In memory a path is a string of one character a byte
 * (latin1), which can be joined, compared and kept in maps; only at the system's door it becomes bytes again.
 */
export type PathBytes = string;

/** A path that somebody typed or that Node gave as text. */
export function pathBytesOf(text: string | Uint8Array): PathBytes {
  return (
    typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  ).toString('latin1');
}

/** For `node:fs`, which takes a Buffer as it is. */
export function systemPath(path: PathBytes): Buffer {
  return Buffer.from(path, 'latin1');
}

export function joinPath(folder: PathBytes, name: PathBytes): PathBytes {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Control characters, line and paragraph separators, marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;

/** The path as text where it is UTF-8, else null. */
export function textOf(path: PathBytes): string | null {
  try {
    return decoder.decode(systemPath(path));
  } catch {
    return null;
  }
}

const hexByte = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;

/** For a person or a report: characters that could write to a terminal, and bytes that are no UTF-8, as `\xNN`. */
export function shownPath(path: PathBytes): string {
  const text = textOf(path);
  if (text === null) return path.replace(/[^\x20-\x7e]/g, (character) => hexByte(character.charCodeAt(0)));
  return text.replace(UNSAFE, (character) => Array.from(Buffer.from(character), hexByte).join(''));
}

/** How a path stands in a JSON line: as shown, and exactly, in base64, where what is shown is not what it is. */
export function pathFields(path: PathBytes): { readonly path: string; readonly pathBase64?: string } {
  const shown = shownPath(path);
  return shown === textOf(path) ? { path: shown } : { path: shown, pathBase64: systemPath(path).toString('base64') };
}

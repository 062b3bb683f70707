/** Images that a command names: files, all files of a folder, and stdin as `-`. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageInput } from '../check/image-hasher.js';
import { readImage } from '../check/read-image.js';

const STDIN = '-';

export interface NamedImage {
  /** As it is printed: the name as given, or below the folder as given. */
  readonly path: string;
  readonly input: ImageInput;
  /** In a folder: it need not be an image. */
  readonly isFound: boolean;
}

interface Naming {
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Of stdin. */
  readonly bytesMax: number;
  /** Called with the entries of folders that are neither files nor folders. */
  readonly onLeftOut: (path: string) => void;
}

/** Return each image in turn: those of a folder by their names, without following links. What cannot be read is an image that cannot. */
export async function* namedImages(names: readonly string[], naming: Naming): AsyncGenerator<NamedImage> {
  for (const name of names) {
    if (name === STDIN) yield { path: name, input: await readImage(naming.stdin(), naming.bytesMax), isFound: false };
    else yield* imagesOf(name, naming);
  }
}

async function* imagesOf(path: string, naming: Naming): AsyncGenerator<NamedImage> {
  const entries = await entriesOf(path);
  // A file, or a folder that cannot be read: the check says which.
  if (entries === null) return yield { path, input: { path }, isFound: false };
  for (const entry of entries) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) yield* imagesOf(below, naming);
    else if (entry.isFile()) yield { path: below, input: { path: below }, isFound: true };
    else naming.onLeftOut(below);
  }
}

async function entriesOf(path: string): Promise<Dirent[] | null> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return null;
  }
}

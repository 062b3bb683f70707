/** The folders whose paths an operator gave: all others are opened below one of them, without following a link. */
import { type PathBytes, parentPath } from '../../core/path-bytes.js';
import type { Anchor, Place } from './walk-protocol.js';

const alone = (path: PathBytes): Anchor => ({ path, device: null, inode: null });
const ROOT = alone('/');

export class Anchors {
  readonly #anchors = new Map<PathBytes, Anchor>();
  /** Folders of named archives. */
  readonly #named = new Set<PathBytes>();

  /** `followsLinks`: folders are known by their real paths, on which there is no link. */
  constructor(
    roots: readonly Anchor[],
    readonly followsLinks: boolean,
  ) {
    for (const root of roots) this.add(root);
  }

  add(anchor: Anchor): void {
    if (!this.has(anchor.path)) this.#anchors.set(anchor.path, anchor);
  }

  has(path: PathBytes): boolean {
    return this.#anchors.has(path);
  }

  /** Return whether a path is one of them, or below one. */
  covers(path: PathBytes): boolean {
    return this.#above(path) !== null;
  }

  /** Return the paths of those that are not below another. */
  outermost(): PathBytes[] {
    return [...this.#anchors.keys()].filter((path) => path === '/' || this.#above(parentPath(path)) === null);
  }

  placeOf(folder: PathBytes): Place {
    return { folder, anchor: this.#above(folder) ?? (this.followsLinks ? ROOT : alone(folder)) };
  }

  /** Return the folder of a named file: its path was given with the file, so links on it are followed. */
  placeOfNamed(folder: PathBytes): Place {
    return { folder, anchor: alone(folder) };
  }

  /** Note the folder of a named archive, which is opened later. */
  noteNamed(folder: PathBytes): void {
    this.#named.add(folder);
  }

  /** Return the place of an archive, by its path. */
  placeOfArchive(path: PathBytes): { readonly place: Place; readonly name: PathBytes } {
    const folder = parentPath(path);
    const place = this.#named.has(folder) ? this.placeOfNamed(folder) : this.placeOf(folder);
    return { place, name: path.slice(path.lastIndexOf('/') + 1) };
  }

  /** Return the nearest one that is a folder or above it. */
  #above(folder: PathBytes): Anchor | null {
    for (let path = folder; ; path = parentPath(path)) {
      const anchor = this.#anchors.get(path);
      if (anchor || path === '/') return anchor ?? null;
    }
  }
}

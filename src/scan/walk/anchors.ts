/** The folders whose paths an operator gave: all others are opened below one of them, without following a link. */
import { type PathBytes, parentPath } from '../../core/path-bytes.js';
import type { Anchor, Place } from './walk-protocol.js';

const ROOT: Anchor = { path: '/', device: null, inode: null };

export class Anchors {
  readonly #anchors = new Map<PathBytes, Anchor>();

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

  /** Return the paths of those that are not below another. */
  outermost(): PathBytes[] {
    return [...this.#anchors.keys()].filter((path) => path === '/' || this.#above(parentPath(path)) === null);
  }

  placeOf(folder: PathBytes): Place {
    // The folder of a named file: its path was given with the file.
    const alone = () => (this.followsLinks ? ROOT : { path: folder, device: null, inode: null });
    return { folder, anchor: this.#above(folder) ?? alone() };
  }

  /** Return the place of a file, by its path. */
  placeOfFile(path: PathBytes): { readonly place: Place; readonly name: PathBytes } {
    return { place: this.placeOf(parentPath(path)), name: path.slice(path.lastIndexOf('/') + 1) };
  }

  /** Return the nearest one that is a folder or above it. */
  #above(folder: PathBytes): Anchor | null {
    for (let path = folder; ; path = parentPath(path)) {
      const anchor = this.#anchors.get(path);
      if (anchor || path === '/') return anchor ?? null;
    }
  }
}

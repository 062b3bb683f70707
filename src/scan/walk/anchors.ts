/** The folders whose paths an operator gave: all others are opened below one of them, without following a link. */
import type { PathBytes } from '../../core/path-bytes.js';
import type { Anchor, Place } from './walk-protocol.js';

const ROOT: Anchor = { path: '/', device: null, inode: null };

const parentOf = (folder: PathBytes) => folder.slice(0, folder.lastIndexOf('/')) || '/';

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
    this.#anchors.set(anchor.path, anchor);
  }

  placeOf(folder: PathBytes): Place {
    // The nearest one above a folder.
    for (let path = folder; ; path = parentOf(path)) {
      const anchor = this.#anchors.get(path);
      if (anchor) return { folder, anchor };
      if (path === '/') break;
    }
    // The folder of a named file: its path was given with the file.
    return { folder, anchor: this.followsLinks ? ROOT : { path: folder, device: null, inode: null } };
  }

  /** Return the place of a file, by its path. */
  placeOfFile(path: PathBytes): { readonly place: Place; readonly name: PathBytes } {
    return { place: this.placeOf(parentOf(path)), name: path.slice(path.lastIndexOf('/') + 1) };
  }
}

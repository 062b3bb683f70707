/** The folders whose paths an operator gave: all others are opened below one of them, without following a link. */
import { joinPath, type PathBytes } from '../../core/path-bytes.js';
import type { Anchor, Place } from './walk-protocol.js';

const ROOT: Anchor = { path: '/', device: null, inode: null };

export class Anchors {
  #anchors: readonly Anchor[] = [];

  /** `followsLinks`: folders are known by their real paths, on which there is no link. */
  constructor(
    roots: readonly Anchor[],
    readonly followsLinks: boolean,
  ) {
    for (const root of roots) this.add(root);
  }

  add(anchor: Anchor): void {
    // The longest first: the nearest one above a folder.
    this.#anchors = [...this.#anchors, anchor].sort((a, b) => b.path.length - a.path.length);
  }

  placeOf(folder: PathBytes): Place {
    const anchor = this.#anchors.find(({ path }) => folder === path || folder.startsWith(joinPath(path, '')));
    // The folder of a named file: its path was given with the file.
    return { folder, anchor: anchor ?? (this.followsLinks ? ROOT : { path: folder, device: null, inode: null }) };
  }

  /** Return the place of a file, by its path. */
  placeOfFile(path: PathBytes): { readonly place: Place; readonly name: PathBytes } {
    const slash = path.lastIndexOf('/');
    return { place: this.placeOf(path.slice(0, slash) || '/'), name: path.slice(slash + 1) };
  }
}

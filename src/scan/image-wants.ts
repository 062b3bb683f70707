/** What a scan wants of an image: its own hashes, and windows by which it is looked for. */
import type { Detail } from '../core/window.js';
import type { HashWants } from '../engine/image-engine.js';

export interface ImageWants extends HashWants {
  readonly detail: Detail;
}

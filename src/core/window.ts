/**
 * Windows: rectangles of an image, upright or turned, that are hashed as if each were the image. A window undoes what an edit did to a listed
 * image: it leaves out a border, or reaches over an edge that was cut off.
 */

/**
 * What a window undoes. `resampling`: nothing but another size; `border`, `strip` and `part`: what was put around the image, found in the
 * pixels; `rotation`, `margin` and `crop`: tried at fixed places.
 */
export const WINDOW_KINDS = ['resampling', 'border', 'strip', 'part', 'rotation', 'margin', 'crop'] as const;
export type WindowKind = (typeof WINDOW_KINDS)[number];

/** Edges in shares of the width and the height of the image, from its top left; below 0 and above 1 are outside. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Where a window lies in any image. */
export interface Place {
  readonly kind: WindowKind;
  readonly rectangle: Rectangle;
  /** Angle by which the rectangle is turned about its centre, clockwise as seen. */
  readonly degrees: number;
}

export interface Window extends Place {
  /** Width of the image over its height: by it the place can be drawn without the image. */
  readonly proportion: number;
}

/** How far a query looks: `plain`, the whole image alone; `standard`, also windows that are found in it; `deep`, all windows. */
export const DETAILS = ['plain', 'standard', 'deep'] as const;
export type Detail = (typeof DETAILS)[number];

/** Which windows of an image are hashed: those by which it is looked for, or its variants, by which copies of it are found. */
export type WindowChoice = Detail | 'variants';

/** The kinds of windows that each detail looks at. */
export const WINDOW_KINDS_OF: Readonly<Record<Detail, ReadonlySet<WindowKind>>> = {
  plain: new Set(),
  standard: new Set(['resampling', 'border', 'strip', 'part']),
  deep: new Set(WINDOW_KINDS),
};

/** Return the detail that looks furthest; `plain` where there is none. */
export const widestOf = (details: readonly Detail[]): Detail =>
  DETAILS.findLast((detail) => details.includes(detail)) ?? 'plain';

/** Return whether what was hashed at one detail has all windows of another. */
export const isCovered = (asked: Detail, hashed: Detail): boolean => DETAILS.indexOf(asked) <= DETAILS.indexOf(hashed);

export const WHOLE: Rectangle = { left: 0, top: 0, right: 1, bottom: 1 };
/** A window that matched, and how many of its certain bits the entry has otherwise. */
export interface WindowMatch extends Window {
  /** 0..128. */
  readonly certainBitsWrong: number;
}

/** When a window's hash matches; beside its list's radius. */
export interface WindowRule {
  readonly radiusBits: number;
  /** Of 128. */
  readonly wrongBitsMax: number;
}

/** Where it is said that a window is possibly of an entry. */
export const POSSIBLE_PLACES = ['off', 'cases', 'answers'] as const;

/** When a window that does not match is possibly of an entry. `isAnswered`: answers say so too, and not cases alone. */
export interface PossibleRule extends WindowRule {
  readonly isAnswered: boolean;
}

/** The image itself at another size. */
export const RESAMPLED: Place = { kind: 'resampling', rectangle: WHOLE, degrees: 0 };

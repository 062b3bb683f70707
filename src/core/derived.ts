/**
 * Derived values of an entry: hashes of parts of a listed image, that copies of it are found by which show less. They are stored with the image's
 * own hashes under one id, and marked by a tag, so that the mark is shown, exported and imported as other tags are.
 */
import type { Entry } from './vocabulary.js';
import type { WindowKind } from './window.js';

/** What a copy had done to it that a derived value finds; those are kinds of windows too. */
export const DERIVED_KINDS = ['crop', 'rotation'] as const satisfies readonly WindowKind[];
export type DerivedKind = (typeof DERIVED_KINDS)[number];

export const derivedTag = (kind: DerivedKind): string => `derived:${kind}`;

const TAGS: ReadonlySet<string> = new Set(DERIVED_KINDS.map(derivedTag));

/** Return the tags that a list gave: without the mark of a derived value. */
export const withoutDerived = (tags: readonly string[]): readonly string[] => tags.filter((tag) => !TAGS.has(tag));

/** Return what a value is derived by; null for a value of the image itself. */
export const derivedOf = ({ tags }: Pick<Entry, 'tags'>): DerivedKind | null =>
  DERIVED_KINDS.find((kind) => tags.includes(derivedTag(kind))) ?? null;

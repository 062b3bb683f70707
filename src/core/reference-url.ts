/** Templates of addresses by which a tenant's own site shows what a reference names: `https://admin.example/{reference}`. */
import { AppError } from './errors.js';
import { URL_CHARACTERS_MAX } from './limits.js';

const PLACE = '{reference}';

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Return whether the template leads to one site, whatever the reference is. */
function isTemplate(template: string): boolean {
  if (template.length > URL_CHARACTERS_MAX || !template.includes(PLACE) || /[\s\p{C}]/u.test(template)) return false;
  const [a, b] = ['a', 'b'].map((letter) => parsed(template.replaceAll(PLACE, letter)));
  if (!a || !b || a.origin !== b.origin || a.username + b.username + a.password + b.password !== '') return false;
  return a.protocol === 'https:' || a.protocol === 'http:';
}

/** Errors REQUEST_INVALID. */
export function requireReferenceUrl(template: string): void {
  if (isTemplate(template)) return;
  const expected = `an http or https address without credentials, with ${PLACE} behind its host`;
  throw new AppError('REQUEST_INVALID', { field: 'referenceUrl', expected });
}

/**
 * Return the address of a reference; null without one. A path of dots alone would lead to another place of the site, also
 * percent-encoded, so it has none.
 */
export function addressOf(template: string | null, reference: string | null): string | null {
  if (template === null || reference === null || /^\.{1,2}$/.test(reference)) return null;
  // A lone surrogate has no encoding.
  return template.replaceAll(PLACE, () => encodeURIComponent(reference.toWellFormed()));
}

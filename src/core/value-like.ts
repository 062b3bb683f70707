/** Recognises texts that may be values of a list: some lists use a digest as the id of an entry. */

/** Return whether a text has a hash or a digest within it, in hex or in base64. */
export const looksLikeValue = (text: string): boolean => /[0-9a-f]{32}/i.test(text) || /[A-Za-z0-9+/]{43}/.test(text);

/** Paths in errors: the key that an adapter has in its path is not repeated. */

/** Return a path, or a text with one, without what may be a key. */
export const withoutKeys = (text: string): string =>
  text.replace(/(\/adapters\/+[^/?#]*\/)[^?#\s']*/gi, '$1...').replace(/zeef_[\w%-]*/gi, 'zeef_...');

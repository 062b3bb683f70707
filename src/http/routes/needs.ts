import type { createAuthoriser } from '../authorise.js';

/** The authoriser of the server: a route that needs a scope has `onRequest: needs(scope)`. */
export type Needs = ReturnType<typeof createAuthoriser>;

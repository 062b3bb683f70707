/**
 * What the document says of each route beside its schema: its place, its name, what a caller must know, its answers and its own errors.
 * Errors that follow from the key, the limits and the body of a route are added by `errors.ts`.
 */
import { CHECKS_AND_CASES } from './operations/checking.js';
import { LIST_OPERATIONS } from './operations/lists.js';
import type { Operation } from './operations/operation.js';
import { SERVICE_OPERATIONS } from './operations/service.js';

/** By method and path, as the document writes them, in its order. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  ...CHECKS_AND_CASES,
  ...LIST_OPERATIONS,
  ...SERVICE_OPERATIONS,
};

/** The line of one file in a report. */
import { pathFields } from '../../core/path-bytes.js';
import type { FileResult } from '../facts/file-result.js';

/** Return the line as an object: the answer over HTTP, with the path. */
export function lineOf({ pathBytes, kind: _, bytesRead: __, isMissing, ...result }: FileResult): object {
  return { type: result.verdict, ...pathFields(pathBytes), ...(isMissing ? { missing: true } : {}), ...result };
}

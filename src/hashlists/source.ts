/** What a parser of a hash list is given. */
import type { Algorithm, ListInfo } from '../core/vocabulary.js';
import type { Mapping } from './mapping.js';

export interface ListSource {
  /** The file, or one page of a source that comes in pages. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Where the bytes lie, for formats that are read in no order. */
  readonly path?: string | undefined;
  readonly kind: ListInfo['kind'];
  /** The algorithm of rows that name none. */
  readonly assumed?: Algorithm | undefined;
  /** CSV, JSON and JSON lines; by default each field has its own name as column. */
  readonly mapping?: Mapping | undefined;
}

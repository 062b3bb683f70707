/** Input of a hash list parser. */
import type { Algorithm, ListInfo } from '../core/vocabulary.js';
import type { HmaFacts } from './hma-facts.js';
import type { Mapping } from './mapping.js';

export interface ListSource {
  /** The file, or one page of a source that comes in pages. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** File of the bytes, for formats with random access. */
  readonly path?: string | undefined;
  readonly kind: ListInfo['kind'];
  /** Algorithm of rows that name none. */
  readonly assumed?: Algorithm | undefined;
  /** Only rows of these categories are taken; by default, of all. `1` includes the `1` of every region: `US/1`. */
  readonly categories?: readonly string[] | undefined;
  /** For CSV, JSON and JSON lines; by default each column has the name of its field. */
  readonly mapping?: Mapping | undefined;
  /** The bank of HMA that is read, where the file has several. */
  readonly bank?: string | undefined;
  /** Called at the end of a file of HMA. */
  readonly onHma?: ((facts: HmaFacts) => void) | undefined;
  /** Called where the columns of a CSV file are separated by another character than a comma. */
  readonly onSeparator?: ((separator: string) => void) | undefined;
}

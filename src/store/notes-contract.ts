/**
 * The contract of notes: what processes of one store report to one another for a short time, each in an order of its own.
 * Bodies are sealed by their writers; a note is deleted once its time is over, by the store's clock.
 */

export interface Note {
  readonly writer: string;
  /** Rises with every note of its writer. */
  readonly number: number;
  readonly body: Uint8Array;
}

export interface NoteStore {
  /** Add a note for `keptMs`. One that is there already is left as it is: a lost response may be repeated. */
  send(note: Note, keptMs: number): Promise<void>;
  /**
   * Return notes of other writers, of each in order, that follow the number in `seen`; at most `max` of them.
   * Notes whose time is over are deleted.
   */
  receive(reader: string, seen: ReadonlyMap<string, number>, max: number): Promise<Note[]>;
}

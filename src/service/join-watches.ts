/**
 * Joins the watches of the processes of one store: each sends what it has counted every two seconds, and counts what the
 * others send, so all of them come to the same counts. Notes are sealed, and kept for a minute: the database sees their size.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import type { Counted, Outbox } from '../check/outbox.js';
import { AppError } from '../core/errors.js';
import type { Note, NoteStore } from '../store/notes-contract.js';
import type { Vault } from '../vault/vault.js';

const EXCHANGE_MS = 2_000;
/** Longer than a process stalls; one that was away for longer misses what was counted meanwhile, and the others do not. */
const KEPT_MS = 60_000;
/** Read at once; the rest follows. */
const READ_MAX = 32;
/** Writers of whom the newest number is kept; notes of earlier ones are gone. */
const WRITERS_MAX = 1_000;
/** Distinguishes sealed notes from list values and digests of the ledger. */
const NOTE_LABEL = 254;
/** Equal values have equal sealed forms: these bytes make notes different. */
const SALT_BYTES = 16;

interface JoinedWatches {
  /** Send and receive now. */
  exchange(): Promise<void>;
  /** Send a last time, then stop. */
  close(): Promise<void>;
}

export function joinWatches(parts: {
  readonly store: NoteStore;
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  /** Learn the data keys of other processes. */
  readonly learnKeys: () => Promise<void>;
  readonly outbox: Outbox;
  /** Count what another process has counted. */
  readonly apply: (counted: Counted) => void;
  readonly onError: (error: unknown) => void;
}): JoinedWatches {
  const { store, vault, outbox, apply, onError } = parts;
  const writer = randomUUID();
  const seen = new Map<string, number>();
  const oneAtATime = pLimit(1);
  let number = 0;
  let unsent: Note | null = null;

  async function send(): Promise<void> {
    if (!unsent) {
      const counted = outbox.take();
      if (counted.length === 0) return;
      const body = Buffer.concat([randomBytes(SALT_BYTES), Buffer.from(JSON.stringify(counted))]);
      unsent = { writer, number: ++number, body: vault.seal(NOTE_LABEL, body) };
    }
    // After a failure the same note is sent again: it may be there.
    await store.send(unsent, KEPT_MS);
    unsent = null;
  }

  async function read({ writer: from, number: at, body }: Note): Promise<void> {
    try {
      for (const counted of await countedIn(body, parts)) apply(counted);
    } catch (error) {
      // Read again later, where the store could not be asked for its keys; what is damaged stays so.
      if (error instanceof AppError && error.code === 'STORE_FAILED') throw error;
      onError(error);
    }
    seen.delete(from);
    seen.set(from, at);
    if (seen.size > WRITERS_MAX) seen.delete(seen.keys().next().value!);
  }

  async function receive(): Promise<void> {
    for (;;) {
      const notes = await store.receive(writer, seen, READ_MAX);
      for (const note of notes) await read(note);
      if (notes.length < READ_MAX) return;
    }
  }

  const exchangeNow = async () => {
    try {
      await send();
    } finally {
      // Also where nothing can be sent.
      await receive();
    }
  };
  const exchange = () => oneAtATime(exchangeNow).catch(onError);
  const timer = setInterval(() => {
    if (oneAtATime.activeCount === 0) void exchange();
  }, EXCHANGE_MS).unref();
  return {
    exchange,
    async close() {
      clearInterval(timer);
      await oneAtATime(send).catch(onError);
    },
  };
}

/** Errors SEALED_DAMAGED, STORE_FAILED. */
async function countedIn(
  body: Uint8Array,
  { vault, learnKeys }: { readonly vault: Pick<Vault, 'open'>; readonly learnKeys: () => Promise<void> },
): Promise<Counted[]> {
  const opened = () => JSON.parse(vault.open(NOTE_LABEL, body).subarray(SALT_BYTES).toString()) as Counted[];
  try {
    return opened();
  } catch {
    // Another process may seal by a new key already.
    await learnKeys();
    return opened();
  }
}

/**
 * Master key: 256 bits that seal the store's data keys, from a file or the environment; by default from a file in the data
 * folder that is created once. The default protects a stolen copy of the database, an index file, an export or a backup,
 * but not a stolen data folder: `docs/hashlists.md` names better places for the key.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { publishFile, syncFolderOf } from '../core/atomic-file.js';
import { AppError } from '../core/errors.js';
import { systemWords } from '../core/system-words.js';
import { unfinishedName } from '../core/unfinished.js';

const MASTER_KEY_BYTES = 32;
/** File in the data folder with the master key that Zeef creates if none is configured. */
export const KEY_FILE = 'list.key';

export interface MasterKeySource {
  /** Read the key again at each call: the file may have been replaced. Errors LIST_KEY_WRONG: missing or malformed. */
  read(): Uint8Array;
  /** Null for a configured key: only the operator changes it. */
  readonly own: OwnKey | null;
}

interface OwnKey {
  /** Create the key if it is missing; a second process reads the key of the first. */
  ensure(): void;
  /** Write a new key beside the active one. */
  prepare(): Uint8Array;
  /** Return the key that `prepare` wrote, until it is adopted; null if there is none. */
  prepared(): Uint8Array | null;
  /** Make the prepared key the active one. */
  adopt(): void;
}

/** Parse 32 bytes, as 64 hex digits or as base64. Errors LIST_KEY_WRONG, without the text. */
function parseMasterKey(text: string): Uint8Array {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  const bytes = Buffer.from(trimmed, 'base64');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed) && bytes.length === MASTER_KEY_BYTES) return bytes;
  throw new AppError('LIST_KEY_WRONG', { expected: '32 bytes as 64 hex digits or as base64' });
}

export function keyFromText(text: string): MasterKeySource {
  const key = parseMasterKey(text);
  return { read: () => key, own: null };
}

export function keyFromFile(path: string): MasterKeySource {
  return { read: () => readKeyFile(path), own: null };
}

/** Return the source of a file that Zeef creates and replaces; only its owner may read it. */
export function keyFromOwnFile(path: string): MasterKeySource {
  const next = `${path}.next`;
  return {
    read: () => readKeyFile(path),
    own: {
      ensure: () => makeKeyFile(path),
      prepare: () => {
        const key = randomBytes(MASTER_KEY_BYTES);
        writeKeyFile(next, key);
        // Data keys are sealed under it before it is adopted.
        syncFolderOf(next);
        return key;
      },
      prepared: () => (existsSync(next) ? readKeyFile(next) : null),
      adopt: () => publishFile(next, path),
    },
  };
}

/** Read a master key file. Errors LIST_KEY_WRONG. */
export function readKeyFile(path: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('LIST_KEY_WRONG', { path, why: systemWords(error) }, error);
  }
  return parseMasterKey(text);
}

function makeKeyFile(path: string): void {
  if (existsSync(path)) return;
  const partial = unfinishedName(path);
  writeKeyFile(partial, randomBytes(MASTER_KEY_BYTES));
  try {
    // A link fails if the name exists: of two processes that start together, one creates the key.
    linkSync(partial, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(partial, { force: true });
  }
  syncFolderOf(path);
}

/** Write and fsync the key before its first use: values sealed under a key lost in a power cut are lost too. */
function writeKeyFile(path: string, key: Uint8Array): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, `${Buffer.from(key).toString('hex')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

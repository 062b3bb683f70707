/**
 * The master key: 256 bits that seal the store's data keys. It comes from a file or from the environment; where nobody says
 * which, from a file in the data folder that is made once. That protects a stolen copy of the database, an index file, an
 * export or a backup, and not a stolen data folder: `docs/hashlists.md` says where the key should lie instead.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { AppError } from '../core/errors.js';
import { unfinishedName } from '../core/unfinished.js';

const MASTER_KEY_BYTES = 32;
/** In the data folder: the master key that Zeef makes itself, where nobody says where it is. */
export const KEY_FILE = 'list.key';

export interface MasterKeySource {
  /** Read anew at each call: the file may have been replaced. Errors LIST_KEY_WRONG: none is there, or it is no key. */
  read(): Uint8Array;
  /** Only of a key that Zeef itself made; a person's key is the person's to change. */
  readonly own: OwnKey | null;
}

interface OwnKey {
  /** Makes the key where there is none; whoever comes second reads the first one's. */
  ensure(): void;
  /** A new key, laid down beside the one in force. */
  prepare(): Uint8Array;
  /** What `prepare` laid down and nothing has put in place since; null where there is none. */
  prepared(): Uint8Array | null;
  /** Puts the prepared key in force. */
  adopt(): void;
}

/** 32 bytes as 64 hex digits or as base64. Errors LIST_KEY_WRONG; the text is not in the error. */
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

/** A file that Zeef itself makes and replaces; only its owner may read it. */
export function keyFromOwnFile(path: string): MasterKeySource {
  const next = `${path}.next`;
  return {
    read: () => readKeyFile(path),
    own: {
      ensure: () => makeKeyFile(path),
      prepare: () => {
        const key = randomBytes(MASTER_KEY_BYTES);
        writeKeyFile(next, key);
        return key;
      },
      prepared: () => (existsSync(next) ? readKeyFile(next) : null),
      adopt: () => renameSync(next, path),
    },
  };
}

/** Errors LIST_KEY_WRONG. */
export function readKeyFile(path: string): Uint8Array {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('LIST_KEY_WRONG', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
  return parseMasterKey(text);
}

function makeKeyFile(path: string): void {
  if (existsSync(path)) return;
  const beside = unfinishedName(path);
  writeKeyFile(beside, randomBytes(MASTER_KEY_BYTES));
  try {
    // A link fails where the name is taken: of two processes that start together one makes the key.
    linkSync(beside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Synced before it is used: what is sealed under a key that a power cut took is gone. */
function writeKeyFile(path: string, key: Uint8Array): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, `${Buffer.from(key).toString('hex')}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

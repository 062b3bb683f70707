/** Held versions of a data folder, which are files, as rows of a move. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolderOf, syncPath } from '../../core/atomic-file.js';
import { partsOf } from '../../core/parts.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { COMPARED, type MovedRow, type TableSum } from '../../store/move-contract.js';
import { sumOfRows } from '../../store/move-sum.js';
import { guarded } from '../file.js';
import { heldPath } from '../lists/versions.js';

/** Bytes of one part of a held version. */
const PART_BYTES = 1_048_576;

interface HeldFile {
  readonly listId: number;
  readonly path: string;
}

export function heldOf(db: Sqlite, dataDir: string): readonly HeldFile[] {
  const ids = db.prepare<[], number>('SELECT DISTINCT list_id FROM list_version WHERE is_held = 1 ORDER BY list_id');
  return guarded(() => ids.pluck().all()).map((listId) => ({ listId, path: heldPath(dataDir, listId) }));
}

export async function* heldParts(held: readonly HeldFile[], from: number): AsyncGenerator<MovedRow> {
  let number = 0;
  for (const { listId, path } of held) {
    let part = 0;
    for await (const bytes of partsOf(createReadStream(path), PART_BYTES)) {
      // A copy: a part is valid until the next one.
      if (number++ >= from) yield { list_id: listId, part, bytes: Buffer.from(bytes) };
      part++;
    }
  }
}

export async function heldSum(held: readonly HeldFile[]): Promise<TableSum> {
  const found: object[] = [];
  for (const { listId, path } of held) {
    const digest = createHash('sha256');
    for await (const bytes of createReadStream(path)) digest.update(bytes as Buffer);
    found.push({ list_id: listId, sha256: digest.digest('hex') });
  }
  return sumOfRows(COMPARED.held, found);
}

/** Write parts, in their order. The first one of a version replaces what an earlier run has written of it. */
export async function putHeldParts(dataDir: string, rows: readonly MovedRow[]): Promise<void> {
  for (const { list_id, part, bytes } of rows) {
    const path = heldPath(dataDir, list_id as number);
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    const write = part === 0 ? writeFile : appendFile;
    await write(path, bytes as Uint8Array, { mode: 0o600 });
  }
}

/** Make what was written last. */
export function syncHeld(held: readonly HeldFile[]): void {
  for (const { path } of held) {
    syncPath(path, 'r+');
    syncFolderOf(path);
  }
}

/**
 * The inventory in SQLite, a file of its own in its folder. One row per file, whose key is its position in the walk, so
 * that rows are appended in order and pages are full; a name is stored once, a folder's path once.
 */
import { randomInt } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import { type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import { sumOfRow } from '../../core/row-sum.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import type { Detail } from '../../core/window.js';
import {
  type FileInFlight,
  type FileRow,
  type FileRowWithFolder,
  type FolderCounts,
  type FolderRow,
  type Inventory,
  type InventoryChange,
  KEYS_PER_FOLDER,
  type ScanState,
} from '../../store/inventory-contract.js';
import { guarded } from '../file.js';
import { prepared } from '../statements.js';
import { damaged, plus, resetTotal, type Summed, sound, totalOf, wholeTable } from '../sums.js';
import { FILE, FOLDER, HAND, META, openInventoryDatabase, PENDING } from './database.js';
import { keyAfter, SEED_SPAN, spreadOf } from './file-keys.js';
import { damagedVisits, isSoundFile, type StoredFile, storedFiles } from './stored-files.js';
import { hasFilesUnder, isWhole, pruneUnder, unseenUnder } from './unseen.js';

/** Occupied keys before a free one: some hundred in a folder of ten million names, more only near `KEYS_PER_FOLDER`. */
const TAKEN_KEYS_MAX = 65_536;
/** Rows that are compared for one inode: each of its names has one, and any of them will do. */
const ROWS_PER_INODE_MAX = 4;
const NOTHING = new Uint8Array(0);

class SqliteInventory implements Inventory {
  state: ScanState;
  readonly #seed: number;
  /** Visits in which a damaged row was seen; their folders are set right when they are done. */
  readonly #damagedVisitsSeen = new Set<number>();
  /** Keys that were assigned, and whose rows are not written yet. */
  readonly #given = new Map<number, PathBytes>();
  readonly #prepare: <P extends unknown[], R>(sql: string) => Statement<P, R>;

  constructor(readonly db: Sqlite) {
    this.#prepare = (sql) => prepared(db, sql);
    this.state = this.#readState();
    this.#seed = this.#meta('seed', -1);
    if (this.#seed >= 0) return;
    this.#seed = randomInt(SEED_SPAN);
    this.#setMeta('seed', this.#seed);
  }

  get bytes(): number {
    const pragma = (name: string) => this.db.pragma(name, { simple: true }) as number;
    return guarded(() => pragma('page_count') * pragma('page_size'));
  }

  #meta<T>(name: string, otherwise: T): T {
    const row = this.#prepare<[string], { value: T }>('SELECT * FROM meta WHERE name = ?').get(name);
    if (row) return sound(META, row).value;
    // The index may hide a row.
    const hidden = wholeTable<{ name: string; value: T }>(this.db, META).find((one) => one.name === name);
    return hidden ? hidden.value : otherwise;
  }

  #setMeta(name: string, value: unknown): void {
    this.#prepare<[string, unknown], never>('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)').run(name, value);
  }

  #readState(): ScanState {
    wholeTable(this.db, META);
    return {
      scan: this.#meta('scan', 0),
      isFinished: this.#meta('is_finished', 1) === 1,
      scanKey: this.#meta('question', ''),
      filesBefore: this.#meta<number | null>('files_before', null),
      matchedAt: this.#meta<string | null>('matched_at', null),
      matchedDetail: this.#meta<Detail>('matched_detail', 'plain'),
      boot: this.#meta<string | null>('boot', null),
    };
  }

  async #change(work: () => void): Promise<void> {
    guarded(() => this.db.transaction(work).immediate());
  }

  async beginScan(scanKey: string, roots: readonly PathBytes[]): Promise<void> {
    await this.#change(() => {
      this.#setMeta('scan', this.state.scan + 1);
      this.#setMeta('is_finished', 0);
      this.#setMeta('question', scanKey);
      this.db.exec('DELETE FROM todo');
      for (const path of roots) this.#found(path, false);
    });
    this.state = this.#readState();
  }

  async finishScan({ files, matchedAt, matchedDetail = 'plain' }: Parameters<Inventory['finishScan']>[0]) {
    await this.#change(() => {
      this.#setMeta('is_finished', 1);
      this.#setMeta('files_before', files);
      this.#setMeta('matched_at', matchedAt);
      this.#setMeta('matched_detail', matchedDetail);
      // Folders not visited by this scan are deleted or out of its scope: their rows are kept for later scans.
    });
    this.state = this.#readState();
  }

  async setMatchedAt(matchedAt: string, matchedDetail: Detail = 'plain'): Promise<void> {
    await this.#change(() => {
      this.#setMeta('matched_at', matchedAt);
      this.#setMeta('matched_detail', matchedDetail);
    });
    this.state = this.#readState();
  }

  async setBoot(boot: string): Promise<void> {
    await this.#change(() => this.#setMeta('boot', boot));
    this.state = this.#readState();
  }

  /** Queue a folder, unless this scan has finished it. An earlier folder may be an archive now. */
  #found(path: PathBytes, isArchive: boolean): void {
    const bytes = systemPath(path);
    this.#prepare<[Buffer, number], never>(
      `INSERT INTO folder (path, is_archive) VALUES (?, ?)
       ON CONFLICT (path) DO UPDATE SET is_archive = excluded.is_archive`,
    ).run(bytes, isArchive ? 1 : 0);
    this.#prepare<[Buffer, number], never>(
      'INSERT OR IGNORE INTO todo (folder) SELECT id FROM folder WHERE path = ? AND done < ?',
    ).run(bytes, this.#meta('scan', 0));
  }

  async nextFolder(begun: ReadonlySet<number>): Promise<FolderRow | null> {
    return guarded(() => {
      const rows = this.#prepare<[number], { folder: number }>('SELECT * FROM todo ORDER BY folder DESC LIMIT ?');
      const next = rows.all(begun.size + 1).find((row) => !begun.has(sound(PENDING, row).folder));
      if (next === undefined) {
        // The end of the walk: a lost folder would be left out.
        if (begun.size === 0) wholeTable(this.db, PENDING);
        return null;
      }
      const folder = this.#folderById(next.folder);
      if (folder === null) throw damaged(PENDING, next.folder);
      return folder;
    });
  }

  async folderAt(path: PathBytes): Promise<FolderRow> {
    return guarded(() => {
      this.#prepare<[Buffer], never>('INSERT OR IGNORE INTO folder (path, is_archive) VALUES (?, 0)').run(
        systemPath(path),
      );
      const row = this.#prepare<[Buffer], { id: number }>('SELECT * FROM folder WHERE path = ?').get(systemPath(path));
      if (!row) throw damaged(FOLDER, 'index');
      const { id } = sound(FOLDER, row);
      return { id, path, isArchive: false, wasDone: false };
    });
  }

  async folderBetween(after: PathBytes, before: PathBytes): Promise<PathBytes | null> {
    return guarded(() => {
      const row = this.#prepare<[Buffer, Buffer], { path: Buffer }>(
        'SELECT * FROM folder WHERE path > ? AND path < ? ORDER BY path LIMIT 1',
      ).get(systemPath(after), systemPath(before));
      return row ? pathBytesOf(sound(FOLDER, row).path) : null;
    });
  }

  async folderById(folderId: number): Promise<FolderRow | null> {
    return guarded(() => this.#folderById(folderId));
  }

  #folderById(folderId: number): FolderRow | null {
    const row = this.#prepare<[number], { id: number; path: Buffer; is_archive: number; done: number }>(
      'SELECT * FROM folder WHERE id = ?',
    ).get(folderId);
    if (row) sound(FOLDER, row);
    return row
      ? { id: row.id, path: pathBytesOf(row.path), isArchive: row.is_archive === 1, wasDone: row.done > 0 }
      : null;
  }

  async firstKey(folderId: number): Promise<number> {
    return guarded(() => {
      const visit = this.#visitOf(folderId);
      if (visit) return visit * KEYS_PER_FOLDER;
      const next =
        (this.#prepare<[], { most: number | null }>('SELECT max(visit) AS most FROM folder').get()?.most ?? 0) + 1;
      this.#prepare<[number, number], never>('UPDATE folder SET visit = ? WHERE id = ?').run(next, folderId);
      return next * KEYS_PER_FOLDER;
    });
  }

  #visitOf(folderId: number): number | null {
    const read = this.#prepare<[number], { visit: number | null }>('SELECT * FROM folder WHERE id = ?');
    const row = read.get(folderId);
    return row ? sound(FOLDER, row).visit : null;
  }

  inOrder(names: readonly PathBytes[]): PathBytes[] {
    const keyed = names.map((name): [number, PathBytes] => [spreadOf(name, this.#seed), name]);
    return keyed.sort(([a], [b]) => a - b).map(([, name]) => name);
  }

  async find(firstKey: number, names: readonly PathBytes[]) {
    return guarded(() => {
      const get = this.#prepare<[number], StoredFile>('SELECT * FROM file WHERE spot = ?');
      return names.map((text) => {
        const name = systemPath(text);
        let fileKey = firstKey + spreadOf(text, this.#seed);
        for (let taken = 0; taken <= TAKEN_KEYS_MAX; taken++, fileKey = keyAfter(fileKey)) {
          const row = get.get(fileKey);
          const isDamaged = row !== undefined && !isSoundFile(row);
          if (isDamaged) this.#damagedVisitsSeen.add(Math.floor(fileKey / KEYS_PER_FOLDER));
          // A damaged row of this name is read again, and written over.
          if (row?.name.equals(name)) return { fileKey, facts: isDamaged ? null : new Uint8Array(row.facts) };
          if (row !== undefined || (this.#given.get(fileKey) ?? text) !== text) continue;
          this.#given.set(fileKey, text);
          return { fileKey, facts: null };
        }
        throw new AppError('STORE_FAILED', { why: 'too many names in one folder', most: KEYS_PER_FOLDER });
      });
    });
  }

  async factsOfInodes(inodeKeys: readonly number[]): Promise<readonly (readonly Uint8Array[])[]> {
    return guarded(() => {
      const rows = this.#prepare<[number], StoredFile>(
        `SELECT * FROM file WHERE inode_key = ? LIMIT ${ROWS_PER_INODE_MAX}`,
      );
      return inodeKeys.map((key) =>
        rows
          .all(key)
          .filter(isSoundFile)
          .map(({ facts }) => new Uint8Array(facts)),
      );
    });
  }

  async apply({ files, removedFiles, begun, ended, foldersFound, foldersDone }: InventoryChange): Promise<void> {
    await this.#change(() => {
      // An update, and no replacement: the total loses what the row was.
      const put = this.#prepare<[number, Buffer, Uint8Array, number, number | null], never>(
        `INSERT INTO file (spot, name, facts, sum, inode_key) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (spot) DO UPDATE
         SET name = excluded.name, facts = excluded.facts, sum = excluded.sum, inode_key = excluded.inode_key`,
      );
      for (const { fileKey, name, facts, inodeKey } of [...(files ?? [])].sort((a, b) => a.fileKey - b.fileKey)) {
        const bytes = systemPath(name);
        put.run(fileKey, bytes, facts, sumOfRow('file', [fileKey, bytes, facts]), inodeKey ?? null);
      }
      for (const fileKey of removedFiles ?? []) this.#remove(fileKey);
      const unhand = this.#prepare<[number], never>('DELETE FROM hand WHERE spot = ?');
      for (const fileKey of ended ?? []) unhand.run(fileKey);
      const hand = this.#prepare<[number, number, Buffer, number], never>(
        'INSERT OR REPLACE INTO hand (spot, folder, name, alone) VALUES (?, ?, ?, ?)',
      );
      for (const { fileKey, folderId, name, aloneTries } of begun ?? [])
        hand.run(fileKey, folderId, systemPath(name), aloneTries);
      for (const { path, isArchive } of foldersFound ?? []) this.#found(path, isArchive);
      for (const { id, counts } of foldersDone ?? []) {
        this.#prepare<[number, number, number, number, number], never>(
          'UPDATE folder SET done = ?, symlinks = ?, special = ?, excluded = ? WHERE id = ?',
        ).run(this.state.scan, counts.symlinks, counts.special, counts.excluded, id);
        this.#prepare<[number], never>('DELETE FROM todo WHERE folder = ?').run(id);
        this.#heal(id);
      }
    });
    for (const { fileKey } of files ?? []) this.#given.delete(fileKey);
    for (const { id } of foldersDone ?? []) {
      const [first, last] = this.#range(id);
      for (const fileKey of this.#given.keys()) if (fileKey >= first && fileKey <= last) this.#given.delete(fileKey);
    }
  }

  /** A row followed directly by another becomes a tombstone, since the search for the other may pass here. */
  #remove(fileKey: number): void {
    const next = keyAfter(fileKey);
    const behind = this.#prepare<[number], { spot: number }>('SELECT spot FROM file WHERE spot = ?').get(next);
    if (behind) {
      const empty = this.#prepare<[number, number], never>(
        `UPDATE file SET name = x'', facts = x'', inode_key = NULL, sum = ? WHERE spot = ?`,
      );
      empty.run(sumOfRow('file', [fileKey, NOTHING, NOTHING]), fileKey);
    } else this.#prepare<[number], never>('DELETE FROM file WHERE spot = ?').run(fileKey);
  }

  /** After all files of a folder were inspected: remove its damaged rows, and let the total be that of the others. */
  #heal(folderId: number): void {
    const visit = this.#visitOf(folderId);
    if (visit === null || !this.#damagedVisitsSeen.delete(visit)) return;
    const [first, last] = this.#range(folderId);
    const rows = this.#prepare<[number, number], StoredFile>('SELECT * FROM file WHERE spot >= ? AND spot <= ?');
    const bad = rows.all(first, last).filter((row) => !isSoundFile(row));
    for (const { spot } of bad) this.#prepare<[number], never>('DELETE FROM file WHERE spot = ?').run(spot);
    resetTotal(this.db, 'file', visit, `spot >= ${first} AND spot <= ${last}`);
  }

  async requeueDamaged(): Promise<number> {
    let found = 0;
    const visits = new Set<number>();
    for await (const visit of damagedVisits(this.db)) {
      found++;
      visits.add(visit);
    }
    if (visits.size === 0) return 0;
    await this.#change(() => {
      for (const visit of visits) {
        this.#damagedVisitsSeen.add(visit);
        const read = this.#prepare<[number], { id: number }>('SELECT * FROM folder WHERE visit = ?');
        const row = read.get(visit);
        if (!row) throw damaged(FILE, visit * KEYS_PER_FOLDER);
        this.#prepare<[number], never>('UPDATE folder SET done = 0 WHERE id = ?').run(sound(FOLDER, row).id);
        this.#prepare<[number], never>('INSERT OR IGNORE INTO todo (folder) VALUES (?)').run(row.id);
      }
    });
    return found;
  }

  async inFlight(): Promise<readonly FileInFlight[]> {
    guarded(() => wholeTable(this.db, HAND));
    return guarded(() =>
      this.#prepare<[], { spot: number; folder: number; name: Buffer; alone: number }>(
        'SELECT * FROM hand ORDER BY spot',
      )
        .all()
        .map((row) => sound(HAND, row))
        .map(({ spot, folder, name, alone }) => ({
          fileKey: spot,
          folderId: folder,
          name: pathBytesOf(name),
          aloneTries: alone,
        })),
    );
  }

  #range(folderId: number): readonly [number, number] {
    const visit = this.#visitOf(folderId);
    return visit ? [visit * KEYS_PER_FOLDER, (visit + 1) * KEYS_PER_FOLDER - 1] : [0, -1];
  }

  async *filesOf(folderId: number): AsyncGenerator<readonly FileRow[]> {
    const [first, last] = guarded(() => this.#range(folderId));
    yield* this.#rows(first, last);
  }

  async *#rows(first: number, last: number): AsyncGenerator<readonly FileRow[]> {
    for await (const rows of storedFiles(this.db, first, last)) {
      yield rows
        .filter((row) => isSoundFile(row) && row.name.length > 0)
        .map(({ spot, name, facts }) => ({ fileKey: spot, name: pathBytesOf(name), facts }));
    }
  }

  async fileCountOf(folderId: number): Promise<number> {
    return guarded(() => {
      const [first, last] = this.#range(folderId);
      return this.#prepare<[number, number], { count: number }>(
        `SELECT count(*) AS count FROM file WHERE spot >= ? AND spot <= ? AND name <> x''`,
      ).get(first, last)!.count;
    });
  }

  async *files(which: 'all' | 'done'): AsyncGenerator<readonly FileRowWithFolder[]> {
    const folderOf = this.#prepare<[number], { path: Buffer; is_archive: number; done: number }>(
      'SELECT * FROM folder WHERE visit = ?',
    );
    let visit = -1;
    let folder: { path: PathBytes; isArchive: boolean; isWanted: boolean; isUnseen: boolean } | null = null;
    for await (const rows of this.#rows(0, Number.MAX_SAFE_INTEGER)) {
      const out: FileRowWithFolder[] = [];
      for (const { fileKey, name, facts } of rows) {
        const at = Math.floor(fileKey / KEYS_PER_FOLDER);
        if (at !== visit) {
          visit = at;
          const found = guarded(() => folderOf.get(at));
          if (!found) throw damaged(FOLDER, at);
          sound(FOLDER, found);
          folder = {
            path: pathBytesOf(found.path),
            isArchive: found.is_archive === 1,
            isWanted: which === 'all' || found.done === this.state.scan,
            isUnseen: found.done !== this.state.scan,
          };
        }
        if (!folder?.isWanted) continue;
        const { path, isArchive, isUnseen } = folder;
        out.push({ fileKey, name, facts, folder: path, isArchive, isUnseen });
      }
      if (out.length > 0) yield out;
    }
  }

  async doneCounts(): Promise<FolderCounts & { folders: number }> {
    return guarded(() => {
      const counts = { folders: 0, symlinks: 0, special: 0, excluded: 0 };
      const rows = this.#prepare<[], Summed<FolderCounts & { done: number }>>('SELECT * FROM folder NOT INDEXED');
      let all = { rows: 0, sum: 0 };
      for (const row of rows.iterate()) {
        const { sum, done, symlinks, special, excluded } = sound(FOLDER, row);
        all = { rows: all.rows + 1, sum: plus(all.sum, sum) };
        if (done !== this.state.scan) continue;
        counts.folders++;
        counts.symlinks += symlinks;
        counts.special += special;
        counts.excluded += excluded;
      }
      const total = totalOf(this.db, 'folder');
      if (all.rows !== total.rows || all.sum !== total.sum) throw damaged(FOLDER, 'a row is lost or doubled');
      return counts;
    });
  }

  async hasFilesUnder(path: PathBytes): Promise<boolean> {
    return guarded(() => hasFilesUnder(this.db, path));
  }

  async isWhole(): Promise<boolean> {
    return guarded(() => isWhole(this.db, this.state.scan));
  }

  async unseenUnder(path: PathBytes): Promise<number> {
    return guarded(() => unseenUnder(this.db, path, this.state.scan));
  }

  async pruneUnder(path: PathBytes, isKept: (folder: PathBytes) => boolean = () => false): Promise<void> {
    await this.#change(() => pruneUnder(this.db, path, { scan: this.state.scan, isKept }));
  }

  async close(): Promise<void> {
    guarded(() => this.db.close());
  }
}

/**
 * Open an inventory; without a folder, a temporary one: an unnamed file in TMPDIR or /var/tmp, which ends with the process.
 * Errors  DATA_VERSION: written by another version. STORE_FAILED: it cannot be opened, or another process uses it.
 */
export async function openSqliteInventory(dir: string | null): Promise<Inventory> {
  return guarded(() => {
    const db = openInventoryDatabase(dir);
    try {
      return new SqliteInventory(db);
    } catch (error) {
      // Or the lock of a damaged one would be this process's to its end.
      db.close();
      throw error;
    }
  });
}

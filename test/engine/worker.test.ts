/** What a worker of the decoder process does with files, and what its watcher sees. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { identityOfStatus } from '../../src/core/file-identity.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import type { FileTarget } from '../../src/engine/file-source.js';
import { TargetReader } from '../../src/engine/target-reader.js';
import { DOING, WorkerProgress, watchWorkers } from '../../src/engine/worker-progress.js';

afterEach(() => void vi.useRealTimers());

describe('files', () => {
  let target: FileTarget;
  beforeEach(() => {
    const path = join(tempFolder('worker'), 'a');
    writeFileSync(path, 'content');
    const identity = identityOfStatus(statSync(path, { bigint: true }));
    target = { path: pathBytesOf(path), identity, followsLinks: false, stallMs: 5_000 };
  });

  /** Read a file whose disk takes this long. */
  function read(reader: TargetReader, ms: number): string {
    const steps = vi.fn(() => void vi.advanceTimersByTime(ms));
    const bytes = reader.readNow(target, steps);
    expect(steps).toHaveBeenCalledTimes(1);
    return Buffer.from(bytes).toString();
  }

  test('are read at once while the disk is fast, and beside the decoding for 64 files after three were slow', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const reader = new TargetReader(100);
    for (const ms of [0, 2]) {
      expect(reader.begin(target)).toBeNull();
      expect(read(reader, ms)).toBe('content');
    }
    // A thread that waited for a core.
    for (const ms of [3, 3, 0, 3, 3, 3]) {
      expect(reader.begin(target)).toBeNull();
      expect(read(reader, ms)).toBe('content');
    }
    const beside = async () => Buffer.from((await reader.begin(target))!).toString();
    for (let file = 0; file < 64; file++) expect(await beside()).toBe('content');
    // A trial.
    expect(reader.begin(target)).toBeNull();
    expect(read(reader, 3)).toBe('content');
    for (let file = 0; file < 64; file++) expect(await beside()).toBe('content');
    for (const ms of [0, 3, 3]) {
      expect(reader.begin(target)).toBeNull();
      expect(read(reader, ms)).toBe('content');
    }
    expect(reader.begin(target)).toBeNull();
  });

  test('a disk that fails late is slow as well', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const reader = new TargetReader(100);
    const late = { ...target, identity: { ...target.identity!, size: 8 } };
    expect(() => reader.readNow(late, () => {})).toThrow('FILE_CHANGED');
    expect(reader.begin(target)).toBeNull();
    const failing = () => {
      vi.advanceTimersByTime(3);
      throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read' });
    };
    for (let file = 0; file < 3; file++) expect(() => reader.readNow(target, failing)).toThrow('FILE_UNREADABLE');
    expect(reader.begin(target)).not.toBeNull();
  });

  test('the memory of one is that of the next; a file over 4 MiB has its own', () => {
    const reader = new TargetReader(10_000_000);
    const [first, second] = [reader.readNow(target, () => {}), reader.readNow(target, () => {})];
    expect(second.buffer).toBe(first.buffer);
    for (const [bytes, isOwn] of [
      [4_194_304, false],
      [4_194_305, true],
    ] as const) {
      writeFileSync(target.path, Buffer.alloc(bytes, 7));
      const large = reader.readNow({ ...target, identity: null }, () => {});
      expect([large.byteLength, large.at(-1), large.buffer !== first.buffer]).toEqual([bytes, 7, isOwn]);
    }
  });
});

describe('a watched worker', () => {
  const DECODE_MS = 1_000;

  /** Watch workers in a process that takes so much processor time in each millisecond that passes. */
  function watched(processors: { used: number } = { used: 1 }, count = 1) {
    vi.useFakeTimers({ toFake: ['performance', 'setInterval'] });
    const workers = Array.from({ length: count }, () => new WorkerProgress());
    const said: string[] = [];
    let [lookedMs, usedMs] = [performance.now(), 0];
    watchWorkers(workers, {
      decodeMsMax: DECODE_MS,
      processorMs: () => {
        usedMs += (performance.now() - lookedMs) * processors.used;
        lookedMs = performance.now();
        return usedMs;
      },
      onDecoding: (id) => said.push(`decoding ${id}`),
      onLate: (id) => said.push(`late ${id}`),
      onStall: (id) => said.push(`stall ${id}`),
    });
    return { progress: workers[0]!, workers, said };
  }

  test('that decodes one image is reported once; one that takes the next is not', () => {
    const { progress, said } = watched();
    progress.note(DOING.decoding, 7);
    vi.advanceTimersByTime(300);
    expect(said).toEqual(['decoding 7']);
    for (let id = 8; id < 40; id++) {
      progress.note(DOING.decoding, id);
      vi.advanceTimersByTime(50);
    }
    expect(said).toEqual(['decoding 7']);
    progress.note(DOING.nothing);
    vi.advanceTimersByTime(10_000);
    expect(said).toEqual(['decoding 7']);
  });

  test('its image is late once it has had its processor time, and said so once', () => {
    const { progress, said } = watched();
    progress.note(DOING.decoding, 7);
    vi.advanceTimersByTime(DECODE_MS);
    expect(said).toEqual(['decoding 7']);
    vi.advanceTimersByTime(100);
    expect(said).toEqual(['decoding 7', 'late 7']);
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(['decoding 7', 'late 7']);
  });

  test('on a busy machine its image has the same processor time, in more time', () => {
    const { progress, said } = watched({ used: 0.2 });
    progress.note(DOING.decoding, 7);
    vi.advanceTimersByTime(4.9 * DECODE_MS);
    expect(said).toEqual(['decoding 7']);
    vi.advanceTimersByTime(0.3 * DECODE_MS);
    expect(said).toEqual(['decoding 7', 'late 7']);
  });

  test('is charged its part of what the images beside it take together', () => {
    const { workers, said } = watched({ used: 1 }, 3);
    // The third one reads: that takes no processor.
    workers[0]!.note(DOING.decoding, 1);
    workers[1]!.note(DOING.decoding, 2);
    workers[2]!.note(DOING.reading, 3, 60_000);
    vi.advanceTimersByTime(1.9 * DECODE_MS);
    expect(said).toEqual(['decoding 1', 'decoding 2']);
    vi.advanceTimersByTime(0.3 * DECODE_MS);
    expect(said).toEqual(['decoding 1', 'decoding 2', 'late 1', 'late 2']);
  });

  test('whose image sleeps is late after twelve times its time', () => {
    const { progress, said } = watched({ used: 0 });
    progress.note(DOING.decoding, 7);
    vi.advanceTimersByTime(11.9 * DECODE_MS);
    expect(said).toEqual(['decoding 7']);
    vi.advanceTimersByTime(0.3 * DECODE_MS);
    expect(said).toEqual(['decoding 7', 'late 7']);
  });

  test('that waits for one read is reported at the limit, and each step of a file has that time', () => {
    const { progress, said } = watched();
    const id = 2 ** 40;
    for (let step = 0; step < 3; step++) {
      progress.note(DOING.reading, id, 1_000);
      vi.advanceTimersByTime(900);
    }
    expect(said).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(said).toEqual([`stall ${id}`]);
    vi.advanceTimersByTime(10_000);
    expect(said).toEqual([`stall ${id}`]);
  });

  test('has not had the time in which its process was stopped', () => {
    const { progress, said } = watched({ used: 0 });
    progress.note(DOING.reading, 3, 1_000);
    vi.advanceTimersByTime(500);
    const nowMs = performance.now();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(nowMs + 60_000);
    vi.advanceTimersByTime(50);
    clock.mockReturnValue(nowMs + 60_500);
    vi.advanceTimersByTime(50);
    expect(said).toEqual([]);
    // Nor is an image late for it.
    progress.note(DOING.decoding, 4);
    clock.mockReturnValue(nowMs + 60_550);
    vi.advanceTimersByTime(50);
    clock.mockReturnValue(nowMs + 600_000);
    vi.advanceTimersByTime(50);
    expect(said).toEqual(['decoding 4']);
    clock.mockRestore();
  });

  test('another thread reads what was noted', () => {
    const progress = new WorkerProgress();
    const other = new WorkerProgress(progress.shared);
    progress.note(DOING.reading, 2 ** 33 + 1, 5);
    expect(other.read()).toEqual({ step: 1n, id: 2 ** 33 + 1, doing: DOING.reading, stallMs: 5 });
  });
});

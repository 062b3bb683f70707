/** Trees to scan: copies of a few small files. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { seeded } from './pdq-like.js';

/** Write small JPEGs that differ from each other; `side` in pixels. Return their paths. */
export async function smallPictures(folder: string, count: number, side = 96): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const paths: string[] = [];
  for (let at = 0; at < count; at++) {
    const random = seeded(at + 1);
    // A few random pixels, enlarged: smooth, and different each time.
    const data = Uint8Array.from({ length: 12 * 12 * 3 }, () => Math.floor(random() * 256));
    const path = join(folder, `picture-${at}.jpg`);
    const picture = sharp(data, { raw: { width: 12, height: 12, channels: 3 } }).resize(side, side, {
      kernel: 'cubic',
    });
    writeFileSync(path, await picture.jpeg({ quality: 85 }).toBuffer());
    paths.push(path);
  }
  return paths;
}

/** Write files that are not images: text of a few hundred bytes. Return their paths. */
export function junkFiles(folder: string, count: number): string[] {
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: count }, (_, at) => {
    const path = join(folder, `junk-${at}.txt`);
    writeFileSync(path, createHash('sha256').update(String(at)).digest('hex').repeat(4));
    return path;
  });
}

/**
 * Create `count` files below `root`, `perFolder` in each folder, that are copies of the sources in rotation: each has an
 * inode of its own, since a scan reads a file with several names once.
 */
export function copyTree(root: string, sources: readonly string[], count: number, perFolder = 500): void {
  const contents = sources.map((source) => readFileSync(source));
  for (let at = 0; at < count; at++) {
    const number = Math.floor(at / perFolder);
    const folder = join(root, String(Math.floor(number / 100)), String(number % 100));
    if (at % perFolder === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${at}`), contents[at % contents.length]!);
  }
}

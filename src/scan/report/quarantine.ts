/**
 * Shell script that moves the hits, for an operator to review and run: Zeef itself moves nothing. Paths of any bytes are
 * written exactly, and quoted so that none is interpreted.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { type PathBytes, pathBytesOf } from '../../core/path-bytes.js';
import { shellQuoted } from '../../core/shell.js';

export interface QuarantineScript {
  add(path: PathBytes): void;
  close(): void;
}

/** Open the script. `folder`: its target; a hash of the path keeps equal names apart. Errors: those of the system. */
export function writeQuarantineScript(file: string, folder: string): QuarantineScript {
  const out = openSync(file, 'w', 0o700);
  const write = (text: PathBytes) => writeSync(out, Buffer.from(text, 'latin1'));
  const target = shellQuoted(pathBytesOf(folder));
  write(`#!/bin/sh\n# Moves the files that matched. Written by zeef scan, which moved no file.\nset -eu\n`);
  write(`mkdir -p -m 700 -- ${target}\n`);
  return {
    add(path) {
      const name = createHash('sha256').update(Buffer.from(path, 'latin1')).digest('hex').slice(0, 16);
      const last = path.slice(path.lastIndexOf('/') + 1).slice(-200);
      write(`mv -n -- ${shellQuoted(path)} ${target}/${shellQuoted(`${name}-${last}`)}\n`);
    },
    close: () => closeSync(out),
  };
}

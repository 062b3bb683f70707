/**
 * Shell script that moves the hits, for an operator to review and run: Zeef itself moves nothing. Paths of any bytes are
 * written exactly, and quoted so that none is interpreted. A path is not trusted between the scan and the script: only a regular
 * file with the SHA-256 that matched is moved, and each one that is not is reported.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { type PathBytes, pathBytesOf } from '../../core/path-bytes.js';
import { shellQuoted } from '../../core/shell.js';

export interface QuarantineScript {
  /** `sha256`: of the file that matched. */
  add(path: PathBytes, sha256: string): void;
  close(): void;
}

/** Bytes of a name that are kept beside the hash of its path: together under the 255 of a file system. */
const NAME_BYTES_MAX = 200;

/** The script up to its moves. In a file that was cut off by the end of the scan, the status is still that of its moves. */
const head = (target: string) => `#!/bin/sh
# Moves the files that matched. Written by zeef scan, which moved no file.
# Ends with 0 where every file was moved, now or by an earlier run; with 1 where some were not, each in a line on stderr.
set -u
export LC_ALL=C
target=${target}
left=0
trap '[ "$left" -eq 0 ] || exit 1' EXIT
if command -v sha256sum >/dev/null; then sum() { sha256sum; }
elif command -v shasum >/dev/null; then sum() { shasum -a 256; }
elif command -v openssl >/dev/null; then sum() { openssl dgst -sha256 -r; }
else echo 'no sha256sum, shasum or openssl: nothing was moved' >&2; exit 2
fi
mkdir -p -m 700 -- "$target" || exit 2
# Without what could control a terminal.
leave() { left=$((left + 1)); printf 'not moved, %s: %s\\n' "$2" "$(printf %s "$1" | tr -c '[:print:]' '?')" >&2; }
# Whether the first is a regular file with the second as its SHA-256.
is() { [ ! -L "$1" ] && [ -f "$1" ] && found=$(sum <"$1") && [ "\${found%% *}" = "$2" ]; }
# The path, its name in the folder, and the SHA-256 of the file that matched.
move() {
  if [ -L "$1" ]; then leave "$1" 'a symbolic link now'
  elif [ ! -e "$1" ] && is "$target/$2" "$3"; then return
  elif [ ! -e "$1" ]; then
    case $1 in *!/*) leave "$1" 'an entry of an archive, or not found' ;; *) leave "$1" 'not found' ;; esac
  elif [ -e "$target/$2" ] || [ -L "$target/$2" ]; then leave "$1" 'its name is taken in the folder'
  elif ! is "$1" "$3"; then leave "$1" 'not the file that matched'
  elif ! mv -n -- "$1" "$target/$2" || [ -e "$1" ]; then leave "$1" 'mv failed'
  elif ! is "$target/$2" "$3"; then leave "$1" 'replaced just before the move: see the folder'
  fi
}
`;

/** Return the name of a file in the folder: a hash of its path keeps equal names apart. */
function nameOf(path: PathBytes): PathBytes {
  const hash = createHash('sha256').update(Buffer.from(path, 'latin1')).digest('hex').slice(0, 16);
  // A cut name begins with a whole character: some file systems take nothing else.
  const last = path
    .slice(path.lastIndexOf('/') + 1)
    .slice(-NAME_BYTES_MAX)
    .replace(/^[\x80-\xbf]+/, '');
  return `${hash}-${last}`;
}

/** Open the script. `folder`: its target. Errors: those of the system. */
export function writeQuarantineScript(file: string, folder: string): QuarantineScript {
  const out = openSync(file, 'w', 0o700);
  const write = (text: PathBytes) => writeSync(out, Buffer.from(text, 'latin1'));
  write(head(shellQuoted(pathBytesOf(folder))));
  return {
    add: (path, sha256) => void write(`move ${shellQuoted(path)} ${shellQuoted(nameOf(path))} ${sha256}\n`),
    close: () => closeSync(out),
  };
}

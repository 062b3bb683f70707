/** What a file of each kind of output begins with: a file that a command names is replaced only by one of its own kind. */
import { closeSync, constants, openSync, readSync } from 'node:fs';

/** Longer than the title of a report as a page is far behind. */
const HEAD_BYTES = 1_024;

const page = (title: string) => new RegExp(`^<!doctype html>\\n<html lang="en"><head>.*<title>${title}`);

const HEADS = {
  'report of a scan': [/^\{"type":"begin",/],
  'summary of a scan': [/^files +\d/, /^\{\n {2}"files":/, /^name,value\r\nfiles,/, page('Scan of ')],
  'quarantine script': [/^#!\/bin\/sh\n# Moves the files that matched\. Written by zeef scan/],
  'report of a period': [
    /^[^\n]*: [\d,.\s]+ images checked, /,
    /^\{"period":/,
    /^period,from,to,section,/,
    /^Part,Service,Reporting period,/,
    page('Zeef report '),
  ],
  'feedback of a list': [/^list,entryId,algorithm,/, /^\{"list":"[^"]*","(?:entryId|feedback)":/],
  'list of pairs': [/^query,entry,distance\n/],
} as const satisfies Readonly<Record<string, readonly RegExp[]>>;

export type OutputKind = keyof typeof HEADS;

/** Return whether a regular file is empty, or begins as one of this kind. Errors: the system's. */
export function isOfKind(path: string, kind: OutputKind): boolean {
  // Not held by a pipe that is in its place by now.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const bytes = readSync(file, head, 0, HEAD_BYTES, 0);
    const text = head.toString('utf8', 0, bytes);
    return bytes === 0 || HEADS[kind].some((begins) => begins.test(text));
  } finally {
    closeSync(file);
  }
}

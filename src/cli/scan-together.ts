/** Which options of `zeef scan` go together: one that would have no effect is refused, so that no scan does less than it was asked for. */
import type { Command } from 'commander';
import { invalid, type ScanFlags } from './scan-flags.js';

type Name = keyof ScanFlags;

/** A rematch walks nothing, and reads files again only as they were scanned. */
const NOT_IN_REMATCH: readonly Name[] = [
  'resume',
  'prune',
  'filesFrom',
  'null',
  'include',
  'exclude',
  'iinclude',
  'iexclude',
  'oneFileSystem',
  'follow',
  'frames',
  'digestAll',
  'archives',
  'etagsOnly',
  'retryFailed',
  'listOthers',
];

/** Options without an effect of their own, and what each belongs to. */
const BELONGS: readonly (readonly [Name, readonly Name[]])[] = [
  ['null', ['filesFrom']],
  ['newEntries', ['rematch']],
  ['prune', ['resume', 'join']],
  ['again', ['join']],
  ['forget', ['join']],
  ['quarantineTo', ['quarantine']],
  ['onMatchArg', ['onMatch']],
  ['key', ['server']],
];

/** Errors REQUEST_INVALID: options that do not go together. */
export function requireTogether(paths: readonly string[], flags: ScanFlags, command: Command): void {
  const given = new Set<string>(
    command.options
      .map((option) => option.attributeName())
      .filter((name) => command.getOptionValueSource(name) === 'cli'),
  );
  const flagOf = (name: string) => command.options.find((option) => option.attributeName() === name)!.long!.slice(2);
  for (const [name, owners] of BELONGS)
    if (given.has(name) && !owners.some((owner) => given.has(owner)))
      throw invalid(flagOf(name), '', owners.map((owner) => `--${flagOf(owner)}`).join(' or '));
  if (flags.newEntries && flags.server !== undefined) throw invalid('new-entries', '', '--rematch, without --server');
  if (flags.rematch !== undefined) {
    if (paths.length > 0) throw invalid('rematch', paths[0]!, 'no path: it matches all files of its inventory');
    const beside = NOT_IN_REMATCH.find((name) => given.has(name));
    if (beside) throw invalid(flagOf(beside), '', 'a scan of paths: --rematch matches what its inventory has');
  }
  if (flags.forget) {
    if (paths.length > 0) throw invalid('forget', paths[0]!, 'no path');
    const beside = [...given].find((name) => name !== 'join' && name !== 'forget');
    if (beside) throw invalid(flagOf(beside), '', 'a scan: --forget scans nothing');
  }
  if (paths.length === 0 && flags.filesFrom === undefined && flags.rematch === undefined && !flags.forget)
    throw invalid('paths', '', 'a path, --files-from or --rematch');
}

/** `zeef check`, `zeef hash`: one line of output per file. */

import { type Command, Option } from 'commander';
import type { CheckAnswer, HashAnswer } from '../check/answers.js';
import { AppError } from '../core/errors.js';
import { FRAMES_DEFAULT, FRAMES_MAX } from '../core/limits.js';
import type { Match } from '../core/match-types.js';
import { terminalField } from '../core/terminal.js';
import type { Background, Part } from '../core/vocabulary.js';
import { DETAILS } from '../core/window.js';
import type { Service } from '../service/service.js';
import {
  type CliContext,
  checkOptions,
  EXIT,
  earlyExit,
  framesFrom,
  type GlobalFlags,
  type ImageCheckFlags,
  NO_LIST_LINE,
  withService,
} from './context.js';
import { type NamedImage, namedImages } from './named-images.js';

export const orientations = () =>
  new Option('--orientations <which>', 'all finds rotated and mirrored copies').choices(['all', 'none']).default('all');

export const detail = () =>
  new Option(
    '--detail <how>',
    'how far to look for edited copies: the image alone, found parts of it, or all windows; by default as each list says',
  ).choices([...DETAILS]);

export const FRAMES_HELP = `frames or pages to check per file (1 to ${FRAMES_MAX}; by default ${FRAMES_DEFAULT}), evenly spread`;

/** Escape a path that has control characters, so that it cannot control the terminal. */
const shown = (path: string) => (/[\p{C}]/u.test(path) ? JSON.stringify(path) : path);

const matchWords = (match: Match): string => {
  const { list, entryId, matchType, algorithm, distance, orientation, frame, window, derived } = match;
  return (
    ` ${list}/${terminalField(entryId)} ${matchType === 'exact' ? algorithm : `distance ${distance}`}` +
    (orientation && orientation !== 'original' ? ` ${orientation}` : '') +
    (frame ? ` frame ${frame}` : '') +
    (window ? ` window ${window.kind}` : '') +
    (derived ? ` derived ${derived}` : '')
  );
};

function verdictLine(path: string, answer: CheckAnswer): string {
  const { matches, possible = [] } = answer;
  const how = matches[0] ? matchWords(matches[0]) : possible[0] ? ` possibly${matchWords(possible[0])}` : '';
  const why = answer.reason
    ? ` ${answer.reason}`
    : answer.lowQuality
      ? ' low quality'
      : answer.degraded
        ? ' degraded'
        : '';
  return `${answer.verdict.padEnd(11)} ${shown(path)}${how}${why}\n`;
}

export function exitCodeOf(byVerdict: Readonly<Record<string, number>>): number {
  if ((byVerdict.not_checked ?? 0) > 0) return EXIT.failed;
  return (byVerdict.match ?? 0) > 0 ? EXIT.matched : EXIT.clean;
}

/** Name a view by what it differs in from the first: `frame 3 on white`, `canvas`. */
function viewName(frame: number, background: Background, part: Part): string {
  const names = [
    ...(frame > 0 ? [`frame ${frame}`] : []),
    ...(part === null ? [] : [part.replace('_', ' ')]),
    ...(background === null ? [] : [background === 'alpha' ? 'alpha' : `on ${background}`]),
  ];
  return names.join(' ');
}

function hashLine(path: string, answer: HashAnswer): string {
  if (answer.views.length === 0) return `${'not hashed'.padEnd(11)} ${shown(path)} ${answer.reason}\n`;
  const { format, width, height } = answer.image!;
  const rows: [string, string | null][] = [
    ['pdq', answer.pdq && `${answer.pdq.hash} quality ${answer.pdq.quality}`],
    ['pdq full', answer.pdqFull && `${answer.pdqFull.hash} quality ${answer.pdqFull.quality}`],
    ...answer.views
      .slice(1)
      .map(({ frame, background, part, pdq }): [string, string | null] => [
        viewName(frame, background, part),
        pdq && `${pdq.hash} quality ${pdq.quality}`,
      ]),
    ['blockhash', answer.blockhash],
    ['md5', answer.digests.md5 ?? null],
    ['sha1', answer.digests.sha1 ?? null],
    ['sha256', answer.digests.sha256 ?? null],
    ...Object.entries(answer.orientations ?? {}),
  ];
  const lines = rows.filter(([, value]) => value !== null).map(([name, value]) => `  ${name.padEnd(10)} ${value}\n`);
  return `${shown(path)} ${format} ${width}x${height}, ${answer.bytes} bytes${answer.degraded ? ', degraded' : ''}\n${lines.join('')}`;
}

const FILES_HELP = 'files; all files of a folder; - for stdin';

/** Return the images that are named; what folders have beside files is said on stderr. */
function imagesNamed(cli: CliContext, files: readonly string[], { config }: Service): AsyncGenerator<NamedImage> {
  return namedImages(files, {
    stdin: cli.stdin,
    bytesMax: config.imageBytesMax,
    onLeftOut: (path) => cli.err(`zeef: ${shown(path)} is a link or no file: left out\n`),
  });
}

export function addCheckCommands(program: Command, cli: CliContext): void {
  const globals = () => program.opts<GlobalFlags>();

  program
    .command('check')
    .description('print a verdict per file; no service needed')
    .argument('<files...>', FILES_HELP)
    .addOption(orientations())
    .option('--radius <bits>', 'narrow the lists’ own radius, inclusive')
    .option('--lists <names>', 'only these lists, separated by commas')
    .option('--frames <count>', FRAMES_HELP)
    .addOption(detail())
    .option('--digests <names>', 'with --json: also these digests, separated by commas: md5, sha1')
    .option('--json', 'one JSON object a line')
    .action(async (files: string[], flags: ImageCheckFlags) => {
      if (flags.digests !== undefined && !flags.json)
        throw new AppError('REQUEST_INVALID', { field: 'digests', expected: '--json, which has them' });
      // Also where a folder has no image.
      const options = checkOptions(flags);
      const byVerdict: Record<string, number> = {};
      const run = async (service: Service) => {
        if (service.readiness().listsInForce === 0) cli.err(NO_LIST_LINE);
        for await (const { path, input, isFound } of imagesNamed(cli, files, service)) {
          const early = earlyExit(cli);
          if (early !== null) return cli.setExitCode(early);
          await service.whenRoom();
          const { id: _, ...answer } = await service.checkImage(input, { ...options, reference: path });
          const counts = !isFound || answer.reason !== 'not_an_image';
          if (counts) byVerdict[answer.verdict] = (byVerdict[answer.verdict] ?? 0) + 1;
          cli.out(flags.json ? `${JSON.stringify({ path, ...answer })}\n` : verdictLine(path, { id: null, ...answer }));
        }
        cli.setExitCode(exitCodeOf(byVerdict));
      };
      await withService(cli, globals(), run, { hashesImages: true });
    });

  program
    .command('hash')
    .description('print digests, PDQ, quality and size per file; no list is queried')
    .argument('<files...>', FILES_HELP)
    .addOption(orientations().default('none'))
    .option('--frames <count>', FRAMES_HELP)
    .addOption(
      new Option('--algorithm <name>', 'only this algorithm').choices(['pdq', 'blockhash', 'all']).default('all'),
    )
    .option('--json', 'one JSON object a line')
    .action(async (files: string[], flags: ImageCheckFlags & { algorithm: 'pdq' | 'blockhash' | 'all' }) => {
      if (flags.algorithm === 'blockhash' && flags.orientations === 'all')
        throw new AppError('REQUEST_INVALID', { field: 'orientations', expected: 'pdq: only its hashes are turned' });
      const frames = framesFrom(flags);
      const algorithms = flags.algorithm === 'all' ? (['pdq', 'blockhash'] as const) : [flags.algorithm];
      const run = async (service: Service) => {
        for await (const { path, input, isFound } of imagesNamed(cli, files, service)) {
          const early = earlyExit(cli);
          if (early !== null) return cli.setExitCode(early);
          const answer = await service.hashImage(input, {
            digests: ['md5', 'sha1', 'sha256'],
            orientations: flags.orientations ?? 'none',
            families: 'both',
            algorithms,
            frames,
            detail: 'plain',
          });
          if (answer.reason && !(isFound && answer.reason === 'not_an_image')) cli.setExitCode(EXIT.failed);
          cli.out(flags.json ? `${JSON.stringify({ path, ...answer })}\n` : hashLine(path, answer));
        }
      };
      await withService(cli, globals(), run, { hashesImages: true });
    });
}

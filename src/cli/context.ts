/** Context that `main.ts` passes to the commands, and their shared helpers: configuration, output, exit codes. */

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import type { ImageCheckOptions } from '../check/check-image.js';
import { type Config, KNOBS, type KnobName } from '../config/knobs.js';
import { type ConfigSources, readConfig } from '../config/read-config.js';
import { AppError } from '../core/errors.js';
import { FRAMES_DEFAULT, FRAMES_MAX, RADIUS_BITS_MAX } from '../core/limits.js';
import { namesFrom } from '../core/names.js';
import { wholeOf } from '../core/plain-number.js';
import { systemWords } from '../core/system-words.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type OrientationChoice } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedgerAlone } from '../service/open-ledger.js';
import { type ListsAlone, openListsAlone } from '../service/open-lists.js';
import { createService, type Service } from '../service/service.js';
import { createLogger, type Logger } from '../telemetry/log.js';

/** The part of the HTTP server that a command needs; `main.ts` connects the two, since neither room may import the other. */
export interface HttpServer {
  listen(at: { host: string; port: number }): Promise<string>;
  close(): Promise<unknown>;
  readonly server: { closeAllConnections(): void; address(): AddressInfo | string | null };
}

/** The parts of the process that a command may use; only `main.ts` accesses the process itself. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string, as?: 'text' | 'document') => void;
  readonly err: (text: string) => void;
  /** Becomes true once stdout has no reader (`| head`): further output is dropped. */
  readonly isOutputClosed: () => boolean;
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Columns of the terminal that stdout is; null: it is none. */
  readonly columns: number | null;
  /** Where `err` writes, for a progress bar. */
  readonly errStream: NodeJS.WritableStream;
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Folder that relative paths of a scan begin with. Errors: the system's, where it was removed. */
  readonly cwd: () => string;
  /** Becomes true at the first Ctrl-C or SIGTERM. */
  readonly isStopping: () => boolean;
  /** Resolves at the same time. */
  readonly stopped: Promise<void>;
  readonly setExitCode: (code: number) => void;
  /** Register a listener: SIGUSR1 requests the status, SIGUSR2 pauses and resumes. */
  readonly onAsked: (what: 'status' | 'pause', listener: () => void) => void;
  /** Errors CONFIG_INVALID: a public address without keys. */
  readonly createServer: (service: Service, log: Logger) => Promise<HttpServer>;
}

export const EXIT = { clean: 0, matched: 1, failed: 2, interrupted: 130 } as const;

/**
 * Return the exit code of a command whose remaining work has become useless, or null: it was asked to stop, or it only prints and
 * no reader is left. A command that stores something does not ask: its work is done to the end.
 */
export function earlyExit(cli: CliContext): number | null {
  if (cli.isStopping()) return EXIT.interrupted;
  if (!cli.isOutputClosed()) return null;
  cli.err('zeef: stopped before the end: the output has no reader any more\n');
  return EXIT.failed;
}

export interface GlobalFlags {
  readonly config?: string;
  readonly dataDir?: string;
  readonly workers?: string;
  readonly logLevel?: string;
}

/** On stderr, of every command that matches files. */
export const NO_LIST_LINE =
  'zeef: no list is in force, so nothing can match: every file is not_checked. See zeef lists show; import or enable one.\n';

/** A command prints its result and logs only warnings and errors. Only `serve` logs more by default. */
export const COMMAND_LOG_LEVEL = 'warn';

/** Return the path of the configuration file, if there is one. */
export function configFileOf(cli: CliContext, flags: GlobalFlags): string | undefined {
  return flags.config ?? cli.env.ZEEF_CONFIG;
}

/** Return the sources of the configuration: variables, the text of the file, flags. Errors CONFIG_INVALID: the file cannot be read. */
export function configSources(cli: CliContext, flags: GlobalFlags & Partial<Record<KnobName, string>>): ConfigSources {
  const path = configFileOf(cli, flags);
  let fileText: string | undefined;
  if (path !== undefined) {
    try {
      fileText = readFileSync(path, 'utf8');
    } catch (error) {
      const why = systemWords(error);
      throw new AppError('CONFIG_INVALID', { problems: `${path} cannot be read: ${why}` }, error);
    }
  }
  const knobs = Object.entries(flags).filter(([name, value]) => name in KNOBS && value !== undefined);
  return { env: cli.env, fileText, flags: Object.fromEntries(knobs) };
}

/** Return the configuration. `quietLevel`: the log level where no other is set. Errors CONFIG_INVALID. */
export function configFrom(
  cli: CliContext,
  flags: GlobalFlags & Partial<Record<KnobName, string>>,
  quietLevel?: Config['logLevel'],
): Config {
  const path = configFileOf(cli, flags);
  const config = readConfig(configSources(cli, flags));
  const isNamed = flags.logLevel !== undefined || cli.env[KNOBS.logLevel.env] !== undefined || path !== undefined;
  return quietLevel === undefined || isNamed ? config : { ...config, logLevel: quietLevel };
}

/** Return the actor at the command line, for the audit log. */
export function cliActor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // In a container the user may have a number and no name.
    return 'cli';
  }
}

/** Return the audited operations of the service: every change by a command goes through them. */
export const changesOf = (service: Service) => service.audit.as(cliActor());

/**
 * Run one command with a service in this process, and close it in every case. It logs warnings unless a level is set. `hashesImages`: the
 * decoder starts while the lists are loaded.
 */
export async function withService<T>(
  cli: CliContext,
  flags: GlobalFlags,
  run: (service: Service, log: Logger) => Promise<T>,
  { hashesImages = false } = {},
): Promise<T> {
  const config = configFrom(cli, flags, COMMAND_LOG_LEVEL);
  const log = createLogger(config.logLevel);
  const decoder = { readsFiles: true, startsAtOnce: hashesImages, configFile: configFileOf(cli, flags) ?? null };
  const service = await createService(config, { log, env: cli.env, decoder });
  try {
    return await run(service, log);
  } finally {
    await service.close();
  }
}

/** Run one command with the lists in the store, as `withService` does: none is loaded into an index. */
export async function withLists<T>(
  cli: CliContext,
  flags: GlobalFlags,
  run: (lists: ListsAlone, config: Config) => Promise<T>,
): Promise<T> {
  const config = configFrom(cli, flags, COMMAND_LOG_LEVEL);
  const lists = await openListsAlone(config, createLogger(config.logLevel), cli.env);
  try {
    return await run(lists, config);
  } finally {
    await lists.close();
  }
}

/** Run one command with the ledger alone, as `withService` does: no list is loaded. */
export async function withLedger(
  cli: CliContext,
  flags: GlobalFlags,
  run: (ledger: Ledger) => Promise<void>,
): Promise<void> {
  const config = configFrom(cli, flags, COMMAND_LOG_LEVEL);
  const { ledger, close } = await openLedgerAlone(config, createLogger(config.logLevel), cli.env);
  try {
    await run(ledger);
  } finally {
    await close();
  }
}

export interface ImageCheckFlags extends CheckFlags {
  readonly frames?: string;
  readonly detail?: Detail;
  readonly digests?: string;
}

interface CheckFlags {
  readonly orientations?: OrientationChoice;
  readonly radius?: string;
  readonly lists?: string;
  readonly json?: boolean;
}

/** Return the number of frames to check. Errors REQUEST_INVALID. */
export function framesFrom({ frames }: ImageCheckFlags): number {
  const count = frames === undefined ? FRAMES_DEFAULT : wholeOf(frames);
  if (!(Number.isInteger(count) && count >= 1 && count <= FRAMES_MAX)) {
    throw new AppError('REQUEST_INVALID', { field: 'frames', got: frames ?? '', expected: `1..${FRAMES_MAX}` });
  }
  return count;
}

function digestsFrom({ digests }: ImageCheckFlags): DigestAlgorithm[] {
  return (digests?.split(',') ?? []).map((name) => {
    const known = DIGEST_ALGORITHMS.find((algorithm) => algorithm === name.trim());
    if (known) return known;
    throw new AppError('REQUEST_INVALID', { field: 'digests', got: name, expected: DIGEST_ALGORITHMS.join(' ') });
  });
}

/** Return the radius, or null where none was given. Errors RADIUS_INVALID. */
export function radiusFrom(text: string | undefined): number | null {
  const radius = text === undefined ? null : wholeOf(text);
  if (radius !== null && !(Number.isInteger(radius) && radius >= 0 && radius <= RADIUS_BITS_MAX)) {
    throw new AppError('RADIUS_INVALID', { got: text ?? '', expected: `0..${RADIUS_BITS_MAX}` });
  }
  return radius;
}

/** Return the check options of the flags. Errors RADIUS_INVALID, REQUEST_INVALID. */
export function checkOptions(flags: ImageCheckFlags): Omit<ImageCheckOptions, 'reference'> {
  return {
    orientations: flags.orientations ?? 'all',
    requestedRadiusBits: radiusFrom(flags.radius),
    lists: flags.lists === undefined ? null : new Set(namesFrom(flags.lists, '--lists')),
    tenant: 'local',
    frames: framesFrom(flags),
    detail: flags.detail ?? null,
    digests: digestsFrom(flags),
  };
}

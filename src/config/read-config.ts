/**
 * Configuration: all knobs are read once, all problems are reported at once, and the result is frozen.
 * Precedence: command-line flag, `ZEEF_*` variable, configuration file, default.
 */
import { AppError } from '../core/errors.js';
import { nearestOf } from '../core/nearest.js';
import type { Knob } from './knob.js';
import { type Config, KNOBS, KNOWN_VARIABLES, type KnobName } from './knobs.js';
import { isServiceLink } from './service-links.js';

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of `zeef.config.json`: an object with knob names (`port`) as keys. */
  readonly fileText?: string | undefined;
  readonly flags?: Readonly<Partial<Record<KnobName, string>>> | undefined;
}

/** Where a value comes from. */
export type Origin = 'flag' | 'environment' | 'file' | 'default';

const PREFIX = 'ZEEF_';

/** The prefix that all variables share says nothing of which one was meant. */
function hint(name: string, known: readonly string[]): string {
  const nearest = nearestOf(
    name.replace(PREFIX, ''),
    known.map((one) => one.replace(PREFIX, '')),
  );
  if (nearest === undefined) return '';
  return ` (did you mean ${name.startsWith(PREFIX) ? PREFIX : ''}${nearest}?)`;
}

const NAMES = Object.keys(KNOBS) as KnobName[];

function parseFile(fileText: string | undefined, problems: string[]): Record<string, string> {
  if (fileText === undefined) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(fileText);
  } catch (error) {
    problems.push(`the configuration file is invalid JSON (${(error as Error).message})`);
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    problems.push('the configuration file must contain one object');
    return {};
  }
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (!NAMES.includes(name as KnobName))
      problems.push(`unknown knob in the configuration file: ${name}${hint(name, NAMES)}`);
    else if (typeof value === 'string' || typeof value === 'number') texts[name] = String(value);
    else problems.push(`${name} in the configuration file must be a string or a number`);
  }
  return texts;
}

/**
 * Read and check all knobs.
 *
 * Errors  CONFIG_INVALID; its detail `problems` lists every mistake: out of range, unknown `ZEEF_*`, unknown key.
 */
export const readConfig = (sources: ConfigSources): Config => readOrigins(sources).config;

/** Read and check all knobs, and say where each value comes from. Errors as `readConfig`. */
export function readOrigins(sources: ConfigSources): {
  readonly config: Config;
  readonly origins: Readonly<Record<KnobName, Origin>>;
} {
  const problems: string[] = [];
  const file = parseFile(sources.fileText, problems);
  const env = Object.fromEntries(Object.entries(sources.env).filter(([name, value]) => !isServiceLink(name, value)));
  for (const name of Object.keys(env)) {
    if (name.startsWith('ZEEF_') && !KNOWN_VARIABLES.has(name))
      problems.push(`unknown environment variable: ${name}${hint(name, [...KNOWN_VARIABLES])}`);
  }
  const config: Record<string, string | number> = {};
  const origins: Record<string, Origin> = {};
  for (const name of NAMES) {
    const knob = KNOBS[name];
    const given: readonly (readonly [Origin, string | undefined])[] = [
      ['flag', sources.flags?.[name]],
      ['environment', env[knob.env]],
      ['file', file[name]],
    ];
    const [origin, raw] = given.find(([, value]) => value !== undefined) ?? ['default', undefined];
    origins[name] = origin;
    try {
      config[name] = raw === undefined ? knob.default : knob.parse(raw);
    } catch (error) {
      problems.push(`${name} (${knob.env}) ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { problems: problems.join('; ') });
  return { config: Object.freeze(config) as Config, origins: origins as Record<KnobName, Origin> };
}

/** Return the place of an address, without user, password and parameters: `postgres://host:5432/zeef`. */
function placeOf(address: string): string {
  const parts = address.split('@');
  // A password may hold an @, or a ?: then where it ends is not certain.
  const isPlain = parts.length === 1 || (parts.length === 2 && /^[a-z][a-z0-9+.-]*:\/\/[^?#]*$/i.test(parts[0]!));
  if (!isPlain) return NOT_SHOWN;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(address)?.[0] ?? '';
  const rest = parts.length === 1 ? address.slice(scheme.length) : parts[1]!;
  return scheme + rest.replace(/[?#].*$/s, '');
}

const NOT_SHOWN = '(set, not shown)';

/** Return the value of a knob as it may be shown: never a secret. */
export function shownValue(name: KnobName, config: Config): string {
  const { shown }: Knob = KNOBS[name];
  const value = String(config[name]);
  if (value === '' || shown === undefined) return value;
  return shown === 'never' ? NOT_SHOWN : placeOf(value);
}

/**
 * Configuration: all knobs are read once, all problems are reported at once, and the result is frozen.
 * Precedence: command-line flag, `ZEEF_*` variable, configuration file, default.
 */
import { AppError } from '../core/errors.js';
import { type Config, KNOBS, KNOWN_VARIABLES, type KnobName } from './knobs.js';
import { isServiceLink } from './service-links.js';

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of `zeef.config.json`: an object with knob names (`port`) as keys. */
  readonly fileText?: string | undefined;
  readonly flags?: Readonly<Partial<Record<KnobName, string>>> | undefined;
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
    if (!NAMES.includes(name as KnobName)) problems.push(`unknown knob in the configuration file: ${name}`);
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
export function readConfig(sources: ConfigSources): Config {
  const problems: string[] = [];
  const file = parseFile(sources.fileText, problems);
  const env = Object.fromEntries(Object.entries(sources.env).filter(([name, value]) => !isServiceLink(name, value)));
  for (const name of Object.keys(env)) {
    if (name.startsWith('ZEEF_') && !KNOWN_VARIABLES.has(name)) problems.push(`unknown environment variable: ${name}`);
  }
  const config: Record<string, string | number> = {};
  for (const name of NAMES) {
    const knob = KNOBS[name];
    const raw = sources.flags?.[name] ?? env[knob.env] ?? file[name];
    try {
      config[name] = raw === undefined ? knob.default : knob.parse(raw);
    } catch (error) {
      problems.push(`${name} (${knob.env}) ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new AppError('CONFIG_INVALID', { problems: problems.join('; ') });
  return Object.freeze(config) as Config;
}

/**
 * Documented output compared with real output. `...` stands for anything: as a line for any lines, as the last element
 * of an array for any more, elsewhere for a part of a line or value.
 */

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function patternOf(expected: string): RegExp {
  const lines = expected.trimEnd().split('\n');
  const parts = lines.map((line) =>
    line.trim() === '...' ? '(?:.*\\n)*?' : `${line.trimEnd().split('...').map(escaped).join('.*')}\\s*\\n`,
  );
  return new RegExp(`^${parts.join('')}$`);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Return where real JSON differs from the documented: every documented field must exist; others may. */
function differences(expected: unknown, real: unknown, at: string): string[] {
  if (typeof expected === 'string' && expected.includes('...')) {
    return patternOf(expected).test(`${isObject(real) ? JSON.stringify(real) : real}\n`) ? [] : [`${at} is ${real}`];
  }
  if (!isObject(expected)) return Object.is(expected, real) ? [] : [`${at} is ${JSON.stringify(real)}`];
  if (!isObject(real)) return [`${at} is ${JSON.stringify(real)}`];
  if (Array.isArray(expected)) {
    const isBegin = expected.at(-1) === '...';
    const named = isBegin ? expected.slice(0, -1) : expected;
    const fits = Array.isArray(real) && (isBegin ? real.length >= named.length : real.length === named.length);
    if (!fits) return [`${at} is ${JSON.stringify(real)}`];
    return named.flatMap((value, index) => differences(value, real[index], `${at}.${index}`));
  }
  return Object.entries(expected).flatMap(([name, value]) =>
    name in real ? differences(value, real[name], `${at}.${name}`) : [`${at}.${name} is missing`],
  );
}

/** Return null where the output is as documented, else the difference. */
export function mismatch(language: string, expected: string, output: string): string | null {
  if (language === 'text') return patternOf(expected).test(output) ? null : `the output is\n${output}`;
  let real: unknown;
  try {
    real = JSON.parse(output);
  } catch {
    return `the output is not JSON:\n${output}`;
  }
  const found = differences(JSON.parse(expected), real, 'it');
  return found.length === 0 ? null : `${found.join('; ')}; the output is\n${output}`;
}

/**
 * Supported versions of Node, as in `engines` of package.json (a test keeps the two equal). `main.ts` checks them before it
 * loads anything else, so this file imports nothing and runs on any Node that supports modules.
 */

/** A version range in npm's syntax. */
export const NODE_VERSIONS = '^20.19.0 || ^22.12.0 || >=24.0.0';
/** Lowest minor of each older major; every minor of a newer one is supported. */
const MINOR_MIN: Readonly<Record<number, number>> = { 20: 19, 22: 12 };
const EVERY_MINOR_SINCE = 24;

/** Return undefined if `version` (`20.20.2`) is supported, else one line that names the supported versions. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= EVERY_MINOR_SINCE || minor >= (MINOR_MIN[major] ?? Number.POSITIVE_INFINITY)) return undefined;
  return `Node ${version} is not supported; use 20.19, 22.12, 24 or a newer release.`;
}

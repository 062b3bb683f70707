/** Tests that need what some machines lack. */

/** Return `isPresent`, for `runIf`; announce on stderr the tests that are left out without it. */
export function orLeftOut(isPresent: boolean, reason: string, tests: string): boolean {
  if (!isPresent) process.stderr.write(`${reason}: ${tests} are left out\n`);
  return isPresent;
}

/** Secrets that operators put into environment variables: read, trimmed and checked here. No reason contains one. */

/** What no key, password or token has: a header ends at a newline. */
const CONTROL = /\p{Cc}/u;

/** Return a secret, or the reason for having none. Whitespace around it is of the file that it came from. */
export function secretFrom(
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
): { readonly secret: string } | { readonly why: string } {
  const secret = env[variable]?.trim();
  if (!secret) return { why: `environment variable ${variable} is not set` };
  if (CONTROL.test(secret)) return { why: `environment variable ${variable} contains a control character` };
  return { secret };
}

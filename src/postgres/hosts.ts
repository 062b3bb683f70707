/** The URL of a database: `postgres://user:password@host:port,host:port/database?sslmode=verify-full`. */
import { AppError } from '../core/errors.js';

const URL_PARTS = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)([^@/?#]*)(\/[^#]*)?$/;

/** Return the hosts of a URL without its credentials, as they are written. Errors CONFIG_INVALID. */
export function hostsOf(url: string): string {
  const [first] = urlsOf(url);
  const [, , hosts = ''] = URL_PARTS.exec(url)!;
  return hosts || (new URL(first!.replace('@/', '@localhost/')).searchParams.get('host') ?? 'localhost');
}

/** Modes that promise encryption, and that libpq does not verify, or not by name: a certificate of any other host would do. */
const UNVERIFIED = /([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/g;

/**
 * Return one URL for each host, in the order in which they are tried. Whatever the mode of encryption is, the certificate is verified
 * with its name, unless it is `no-verify`.
 * Errors  CONFIG_INVALID, without the URL: it contains a password.
 */
export function urlsOf(url: string): string[] {
  const [, start, hosts, rest = ''] = URL_PARTS.exec(url) ?? [];
  const names = hosts?.split(',') ?? [];
  const verified = rest.replaceAll(UNVERIFIED, '$1verify-full');
  const all = names.map((host) => start + host + verified);
  // A single empty host is that of the query, or this machine.
  const isMissing = names.length === 0 || (names.length > 1 && names.includes(''));
  if (isMissing || !all.every((one) => URL.canParse(one.replace('@/', '@localhost/'))))
    throw new AppError('CONFIG_INVALID', {
      problems: 'the URL of the database does not have the form postgres://user:password@host:port/database',
    });
  return all;
}

/** URL of the health check on the same machine, from the same settings as the service. */
import { isIPv6 } from 'node:net';
import { type ConfigSources, readConfig } from './read-config.js';

/** Wildcard address → the loopback address to request. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * Return the URL of `/livez`, or of another path.
 *
 * Errors  CONFIG_INVALID, as at the service's start.
 */
export function healthUrl(sources: ConfigSources, path = '/livez'): string {
  const { host, port } = readConfig(sources);
  const address = LOOPBACK_OF[host] ?? host;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}${path}`;
}

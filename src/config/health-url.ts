/** The address that a health check on the same machine requests, from the same settings as the service. */
import { isIPv6 } from 'node:net';
import { type ConfigSources, readConfig } from './read-config.js';

/** An address that stands for all of this machine's, and the one of them to request. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/**
 * Return the URL of `/livez`.
 *
 * Errors  CONFIG_INVALID, as the service's own start.
 */
export function healthUrl(sources: ConfigSources): string {
  const { host, port } = readConfig(sources);
  const address = LOOPBACK_OF[host] ?? host;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}/livez`;
}

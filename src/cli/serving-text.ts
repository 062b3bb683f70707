/** Text that `zeef serve` prints when it listens: its address, the dashboard, and a command to copy and run. */
import type { AddressInfo } from 'node:net';
import { shellWord } from '../core/shell.js';

const EVERY_ADDRESS = ['0.0.0.0', '::'];

/**
 * Return a URL to connect to. `host`: as configured, since a bound link-local address lacks its zone.
 */
export function urlOf(host: string, { address, port }: Pick<AddressInfo, 'address' | 'port'>): string {
  if (address === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (address === '::') return `http://[::1]:${port}`;
  if (!address.includes(':')) return `http://${address}:${port}`;
  const [, zone] = /%(.+)$/.exec(host) ?? [];
  return `http://[${address.replace(/%.*$/, '')}${zone === undefined ? '' : `%25${zone}`}]:${port}`;
}

interface Serving {
  readonly host: string;
  readonly address: Pick<AddressInfo, 'address' | 'port'>;
  /** An image that a loaded list contains, for the example command; null for no example. */
  readonly image: string | null;
  readonly needsKey: boolean;
}

export function servingText({ host, address, image, needsKey }: Serving): string {
  const url = urlOf(host, address);
  const beside = EVERY_ADDRESS.includes(address.address) ? ' and on every other address of this machine' : '';
  const lines = [`zeef listens on ${url}${beside}`, `dashboard: ${url}/dashboard`];
  if (image !== null) lines.push('check an image of the sample list:', curlLine(url, image, needsKey));
  return `${lines.join('\n')}\n`;
}

/** The shell reports a missing key before a request is sent. */
const KEY_HEADER = `-H "Authorization: Bearer \${KEY:?is not set: it must hold a key with the scope check}"`;

function curlLine(url: string, image: string, needsKey: boolean): string {
  return [
    'curl -s',
    // Otherwise curl reads brackets as a range of addresses.
    ...(url.includes('[') ? ['-g'] : []),
    `--data-binary ${shellWord(`@${image}`)}`,
    `-H 'Content-Type: image/jpeg'`,
    ...(needsKey ? [KEY_HEADER] : []),
    shellWord(`${url}/v1/check`),
  ].join(' ');
}

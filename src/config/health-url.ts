/** The address that a health check on the same machine asks, from the same settings as the service. */
import { isIPv6 } from 'node:net';
import { KNOBS } from './knobs.js';

/** An address that stands for all of this machine's, and the one of them to ask. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function fromFile(fileText: string | undefined): Record<string, unknown> {
  try {
    return Object(JSON.parse(fileText ?? '{}'));
  } catch {
    return {};
  }
}

/**
 * Return the URL of `/livez`. A value that is no port is passed over, so that `ZEEF_PORT=tcp://10.0.0.7:8080`, which
 * Kubernetes sets where a Service is called `zeef`, leaves the port of the configuration file or the default.
 */
export function healthUrl(env: Readonly<Record<string, string | undefined>>, fileText?: string): string {
  const file = fromFile(fileText);
  const read = <T>({ parse, default: otherwise }: { parse: (raw: string) => T; default: T }, values: unknown[]): T => {
    for (const value of values) {
      try {
        if (value !== undefined) return parse(String(value));
      } catch {
        // The next weaker source.
      }
    }
    return otherwise;
  };
  const port = read<number>(KNOBS.port, [env[KNOBS.port.env], file.port]);
  const host = read<string>(KNOBS.host, [env[KNOBS.host.env], file.host]);
  const asked = LOOPBACK_OF[host] ?? host;
  return `http://${isIPv6(asked) ? `[${asked}]` : asked}:${port}/livez`;
}

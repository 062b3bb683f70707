/** The hosts that a client may have fetched: names, or all names under one, each with its own port. */

const RULE = /^(\*\.)?([^:]+)(?::(\d+))?$/;

interface HostRule {
  /** In lower case; international names as in DNS. */
  readonly name: string;
  /** Names under it, and not the name itself. */
  readonly isUnder: boolean;
  /** '' : that of the protocol. */
  readonly port: string;
}

/** Return the rules of `ZEEF_URL_HOSTS`, whose form the configuration has checked. */
export function rulesOf(list: string): readonly HostRule[] {
  return list
    .split(',')
    .map((each) => RULE.exec(each.trim()))
    .filter((found) => found !== null)
    .map(([, under, name, port = '']) => ({ name: name!.toLowerCase(), isUnder: under !== undefined, port }));
}

/** Return whether one of the rules has the host and the port of an address. A name with a dot at its end is another notation of it, which no rule has. */
export function isAllowed({ hostname, port }: URL, rules: readonly HostRule[]): boolean {
  return rules.some(
    (rule) => rule.port === port && (rule.isUnder ? hostname.endsWith(`.${rule.name}`) : hostname === rule.name),
  );
}

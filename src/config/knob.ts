/** Knobs and their parsers. A parser throws a plain Error whose message continues "NAME (VARIABLE) ...". */

export interface Knob {
  readonly env: `ZEEF_${string}`;
  readonly unit: string;
  readonly default: string | number;
  readonly range: string;
  readonly why: string;
  /** The value is never shown; of an address only the place, without user, password and parameters. Otherwise all of it. */
  readonly shown?: 'never' | 'place';
  readonly parse: (raw: string) => string | number;
}

export function whole(least: number, most: number) {
  const range = `${least}..${most}`;
  return {
    range,
    parse(raw: string): number {
      const value = Number(raw);
      if (!/^\d+$/.test(raw) || value < least || value > most) throw new Error(`must be a whole number in ${range}`);
      return value;
    },
  };
}

export function text(lengthLeast: number, lengthMost: number) {
  const range = `${lengthLeast}..${lengthMost} characters`;
  return {
    range,
    parse(raw: string): string {
      if (raw.length < lengthLeast || raw.length > lengthMost) throw new Error(`must have ${range}`);
      return raw;
    },
  };
}

export function choice<const T extends readonly string[]>(values: T) {
  const range = values.join(', ');
  return {
    range,
    parse(raw: string): T[number] {
      if (!values.includes(raw)) throw new Error(`must be one of ${range}`);
      return raw;
    },
  };
}

/** First parts of this service's own addresses: pages among them, which any website may ask for. */
const OWN_PARTS = ['v1', 'docs', 'dashboard', 'metrics', 'livez', 'readyz', 'adapters'];

/** Where the interface of another service begins; `/` for the root. */
export function path() {
  const range = `/, or one to three parts of small letters, digits, _ and -, the first none of ${OWN_PARTS.join(', ')}`;
  return {
    range,
    parse(raw: string): string {
      const isOwn = OWN_PARTS.includes(raw.split('/')[1]!);
      if (isOwn || !/^(\/|(\/[a-z0-9_-]{1,32}){1,3})$/.test(raw)) throw new Error(`must be ${range}`);
      return raw;
    },
  };
}

/** Ascending whole numbers, separated by commas. */
export function wholes(least: number, most: number, countMost: number) {
  const range = `1 to ${countMost} of ${least}..${most}, rising`;
  return {
    range,
    parse(raw: string): string {
      const values = raw.split(',').map((each) => (/^\d+$/.test(each) ? Number(each) : Number.NaN));
      const isRising = values.every(
        (value, at) => value >= least && value <= most && (at === 0 || value > values[at - 1]!),
      );
      if (values.length > countMost || !isRising) throw new Error(`must be ${range}, separated by commas`);
      return raw;
    },
  };
}

/** A number, or `none`: for knobs without a sensible default. */
export function numberOrNone(least: number, most: number) {
  const range = `none, or ${least}..${most}`;
  return {
    range,
    parse(raw: string): number | 'none' {
      if (raw === 'none') return raw;
      const value = Number(raw);
      if (raw.trim() === '' || !(value >= least && value <= most)) throw new Error(`must be ${range}`);
      return value;
    },
  };
}

/** Host names that a client may have fetched, each also as `*.name` for those under it, and with a port; may be empty. */
export function fetchedHosts() {
  const range = 'host names, separated by commas';
  return {
    range,
    parse(raw: string): string {
      const names = raw === '' ? [] : raw.split(',').map((name) => name.trim());
      const isName = (name: string) =>
        /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?$/i.test(name) && !/^[\d.:]+$/.test(name);
      if (!names.every(isName))
        throw new Error(`must be ${range}: images.example, *.cdn.example, images.example:8443; no addresses`);
      return raw;
    },
  };
}

/** Host names or addresses without a port, separated by commas; may be empty. */
export function hostNames() {
  const range = 'host names, separated by commas';
  return {
    range,
    parse(raw: string): string {
      const names = raw === '' ? [] : raw.split(',').map((name) => name.trim());
      if (!names.every((name) => /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$|^[0-9a-f:]*:[0-9a-f:.]*$/i.test(name)))
        throw new Error(`must be ${range}, without ports`);
      return raw;
    },
  };
}

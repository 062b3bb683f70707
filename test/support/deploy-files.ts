/** The files of `deploy/`, as objects, and what they have in common with the rest of the project. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config/read-config.js';

/** An object of a YAML file, of which nothing is known but by the checks. */
export interface Node {
  readonly [name: string]: Value;
}
export type Value = string | number | boolean | null | undefined | readonly Value[] | Node;

/** Return the documents of a file. Errors: its text is no YAML, or has a key twice. */
export function documentsOf(text: string): Node[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    if (document.errors[0]) throw document.errors[0];
    return document.toJS() as Node;
  });
}

export const isNode = (value: Value): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Return the object at a path of names, or an empty one. */
export function at(value: Value, ...path: readonly (string | number)[]): Node {
  const found = valueAt(value, ...path);
  return isNode(found) ? found : {};
}
export function valueAt(value: Value, ...path: readonly (string | number)[]): Value {
  return path.reduce<Value>((from, name) => (from === null || from === undefined ? from : (from as Node)[name]), value);
}
/** Return the array at a path, or an empty one. */
export function all(value: Value, ...path: readonly (string | number)[]): readonly Value[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}
/** Return each value of an object and below, with its path. */
export function* below(value: Value, path = ''): Generator<readonly [string, Value]> {
  yield [path, value];
  if (typeof value === 'object' && value !== null)
    for (const [name, inner] of Object.entries(value)) yield* below(inner as Value, `${path}/${name}`);
}

const dockerfile = readFileSync('Dockerfile', 'utf8');
/** What the image says of itself. */
export const IMAGE = {
  name: `zeef:${(JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version}`,
  port: Number(/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1]),
  dataDir: /^VOLUME (\S+)$/m.exec(dockerfile)?.[1] ?? '',
  healthCheck: JSON.parse(/^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[],
  entry: (JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]).join(' '),
};

/** Routes that need no body, as docs/api.md has them; a test compares that page with the server. */
export const ROUTES = new Set(
  [...readFileSync('docs/api.md', 'utf8').matchAll(/^\| `GET (\/\S+)` \|/gm)].map(([, path]) => path!),
);

/** Return what Zeef would say of an environment: variables that it does not know, and values that it refuses. */
export function environmentFaults(env: Readonly<Record<string, string>>): string[] {
  try {
    readConfig({ env });
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

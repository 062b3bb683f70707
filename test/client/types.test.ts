/** The types of the client, as a generator made them of the document. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { type ApiDocument, operationsOf } from '../support/openapi-document.js';
import { type Running, startService } from '../support/running.js';

const folder = tempFolder('client-types');
let running: Running;
let document: ApiDocument;

beforeAll(async () => {
  running = await startService();
  document = (await (await fetch(`${running.url}/openapi.json`)).json()) as ApiDocument;
});
afterAll(() => running.stop());

/** Return what is wrong with a TypeScript file, strictly, and with the libraries that it uses. */
function faultsOf(path: string): string[] {
  const program = ts.createProgram([path], {
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    types: [],
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

test('types that a generator makes of it compile, know every answer, and have all operations', () => {
  expect(JSON.parse(readFileSync('dist/openapi.json', 'utf8'))).toEqual(document);
  const path = resolve('dist/src/client/api.d.ts');
  const text = readFileSync(path, 'utf8');
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023);
  const membersOf = (name: string) =>
    statements
      .filter(ts.isInterfaceDeclaration)
      .find((one) => one.name.text === name)!
      .members.map((member) => (member.name as ts.Identifier | ts.StringLiteral).text);
  const ids = operationsOf(document).map(([, { operationId }]) => operationId);
  expect(membersOf('operations').sort()).toEqual([...ids].sort());
  expect(membersOf('paths').sort()).toEqual(Object.keys(document.paths).sort());
  // Unknown are headers that the document does not name, a list in the form of whoever publishes it, and what a client keeps with an entry.
  const lines = text.replace(/\/\*.*?\*\//gs, '').split('\n');
  const unknown = lines.filter((line) => /\b(unknown|any)\b/.test(line)).map((line) => line.trim());
  expect([...new Set(unknown)].sort()).toEqual([
    '"application/json": unknown;',
    '[key: string]: unknown;',
    '[name: string]: unknown;',
  ]);
  expect(unknown.filter((line) => line.startsWith('"'))).toHaveLength(1);
  const user = join(folder, 'user.ts');
  const from = `from ${JSON.stringify(path.replace(/d\.ts$/, 'js'))};`;
  writeFileSync(
    user,
    `import type { components, operations } ${from}
type Answer = operations['checkImage']['responses'][200]['content']['application/json'];
export const verdictsOf = (answer: Answer): ('match' | 'no_match' | 'suppressed' | 'not_checked')[] =>
  'results' in answer ? answer.results.map(({ verdict }) => verdict) : [answer.verdict];
export const leftOf = ({ window }: components['schemas']['Match']): number => window?.rectangle.left ?? 0;
export const isFull = ({ code }: components['schemas']['Problem']): boolean => code === 'QUEUE_FULL';
`,
  );
  expect(faultsOf(user)).toEqual([]);
  writeFileSync(user, `import type { operations } ${from}\nexport const id: keyof operations = 'checkImages';\n`);
  expect(faultsOf(user)).toEqual([expect.stringContaining('checkImages')]);
});

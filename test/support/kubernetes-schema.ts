/**
 * Objects of Kubernetes against its published API, as the package `kubernetes-models` has it: the schemas of fields, and the types, since
 * the schemas let a misspelt field pass, which the API server refuses.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import type { Node } from './deploy-files.js';

interface Model {
  new (data: object): { validate(): void };
}

const load = createRequire(import.meta.url);

/** Return what the schema of an object's kind refuses in it; versions that are not stable have been removed, or may be. */
export function schemaFaults(object: Node): string[] {
  if (/alpha|beta/.test(String(object.apiVersion))) return [`${String(object.apiVersion)} is not stable`];
  const kinds = load(`kubernetes-models/${String(object.apiVersion)}`) as Record<string, Model | undefined>;
  const Kind = kinds[String(object.kind)];
  if (!Kind) return [`${String(object.apiVersion)} has no ${String(object.kind)}`];
  try {
    new Kind(object).validate();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
/** It is in no folder: only its place decides where packages are looked for. */
const FILE = join(process.cwd(), 'test', 'objects.ts');
const host = ts.createCompilerHost(OPTIONS);
const read = host.getSourceFile.bind(host);
const parsed = new Map<string, ts.SourceFile | undefined>();
let program: ts.Program | undefined;

/** Return what the types of Kubernetes refuse, unknown fields among it. */
export function typeFaults(objects: readonly Node[]): string[] {
  const text = objects
    .map((object, n) => {
      const from = JSON.stringify(`kubernetes-models/${String(object.apiVersion)}`);
      const { kind } = object;
      return `import type { I${String(kind)} as Type${n} } from ${from};\nexport const of${n}: Type${n} = ${JSON.stringify(object)};`;
    })
    .join('\n');
  host.getSourceFile = (name, ...rest) => {
    if (name === FILE) return ts.createSourceFile(FILE, text, ts.ScriptTarget.ES2022, true);
    if (!parsed.has(name)) parsed.set(name, read(name, ...rest));
    return parsed.get(name);
  };
  program = ts.createProgram([FILE], OPTIONS, host, program);
  const source = program.getSourceFile(FILE)!;
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ').slice(0, 300),
  );
}

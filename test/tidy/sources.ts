/** The sources of the project: files, what each imports and exports, and its functions. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

export interface Source {
  /** From the root of the project. */
  readonly path: string;
  readonly tree: ts.SourceFile;
  /** Files of the project that this one imports or re-exports, by path, with the names taken; `*` for all. */
  readonly imports: readonly { readonly path: string; readonly names: readonly string[] }[];
}

/** Read the TypeScript files in `folder`, without declarations of other packages. */
export function readSources(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => {
      const path = join(folder, name);
      const tree = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
      return { path, tree, imports: importsOf(tree) };
    });
}

function importsOf(tree: ts.SourceFile): Source['imports'] {
  const imports: { path: string; names: string[] }[] = [];
  const add = (specifier: ts.Node | undefined, names: string[]) => {
    if (!specifier || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith('.')) return;
    imports.push({ path: normalize(join(dirname(tree.fileName), specifier.text)).replace(/\.js$/, '.ts'), names });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importedNames(node));
    else if (ts.isExportDeclaration(node)) {
      const clause = node.exportClause;
      const names = clause && ts.isNamedExports(clause) ? clause.elements.map((one) => nameOf(one)) : ['*'];
      add(node.moduleSpecifier, names);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, [node.qualifier?.getText() ?? '*']);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], ['*']);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return imports;
}

const nameOf = ({ propertyName, name }: ts.ImportSpecifier | ts.ExportSpecifier) => (propertyName ?? name).text;

function importedNames({ importClause }: ts.ImportDeclaration): string[] {
  if (!importClause) return [];
  const names = importClause.name ? ['default'] : [];
  const bindings = importClause.namedBindings;
  if (!bindings) return names;
  return ts.isNamedImports(bindings) ? [...names, ...bindings.elements.map((one) => nameOf(one))] : ['*'];
}

/** Return the names that a file exports itself; `default` too. */
export function exportsOf({ tree }: Source): string[] {
  return tree.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return ['default'];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
    const { name } = statement as ts.DeclarationStatement;
    return name && ts.isIdentifier(name) ? [name.text] : [];
  });
}

/** Return every function, method, accessor and arrow with its own name or its owner's, and its lines. */
export function functionsOf({ path, tree }: Source): { readonly name: string; readonly lines: number }[] {
  const functions: { name: string; lines: number }[] = [];
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body)
      functions.push({ name: `${path} ${ownName(node)}`, lines: lineAt(node.end) - lineAt(node.getStart()) + 1 });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return functions;
}

function ownName(node: ts.SignatureDeclaration): string {
  if (node.name) return node.name.getText();
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText();
  return ts.isConstructorDeclaration(node) ? 'constructor' : '(anonymous)';
}

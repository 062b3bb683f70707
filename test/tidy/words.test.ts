/** One word for one thing (docs/glossary.md): comments, messages and pages do not use its twins. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/** What to write instead is in docs/glossary.md, or is the verb of the field. */
const BANNED: Readonly<Record<string, RegExp>> = {
  'picture (image)': /\bpictures?\b/gi,
  'told, tell (return, report, log, notify)': /\b(told|tell|tells|telling)\b/gi,
  'anew (again, rebuild, restart)': /\banew\b/gi,
  'somebody, nobody, whoever (the actor)': /\b(somebody|nobody|whoever)\b/gi,
  'in hand (in flight)': /\bin hand\b/gi,
  'lay down (write, spool)': /\b(laid|lays?|laying) down\b/gi,
  'go on (continue, resume)': /\b(goes|go|going|went) on\b/gi,
  'take up (apply, load)': /\b(takes?|took|taken|taking) up\b/gi,
};

/** Uses that are left: names of folders, and values and rows that files and clients hold. Numbers may only fall. */
const LEFT: Readonly<Record<string, number>> = { 'picture (image)': 3 };

/** Comments and strings of a source; no names in code, paths of imports, or words in backticks. */
function proseOf(path: string): string {
  const text = readFileSync(path, 'utf8');
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const prose: string[] = [];
  const visit = (node: ts.Node): void => {
    const children = node.getChildren();
    // What is before a token and is not code: comments.
    if (children.length === 0) prose.push(text.slice(node.pos, node.getStart()).replace(/`[^`\n]*`/g, ''));
    const isPath = ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent);
    const isText = ts.isStringLiteral(node) || ts.isTemplateLiteralToken(node);
    if (isText && !isPath) prose.push(node.text);
    for (const child of children) if (child.kind !== ts.SyntaxKind.JSDoc) visit(child);
  };
  for (const child of tree.getChildren()) visit(child);
  return prose.join('\n');
}

/** Texts by path; of pages, what is not a path, a link or code. */
function texts(): Map<string, string> {
  const below = (folder: string, ending: string) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => join(folder, name));
  const sources = below('src', '.ts').map((path): [string, string] => [path, proseOf(path)]);
  const pages = [...below('docs', '.md'), 'README.md', 'ARCHITECTURE.md', 'hashlists/README.md']
    .filter((path) => path !== 'docs/glossary.md')
    .map((path): [string, string] => [
      path,
      readFileSync(path, 'utf8')
        .replace(/^```[\s\S]*?^```/gm, '')
        .replace(/`[^`\n]*`|\]\([^)]*\)/g, ''),
    ]);
  return new Map([...sources, ...pages]);
}

test('comments, messages and pages use the words of the glossary', () => {
  const counts: Record<string, number> = {};
  const where: string[] = [];
  const all = texts();
  expect(all.get('src/scan/facts/file-facts.ts'), 'comments and strings are read').toContain('not_picture');
  for (const [path, text] of all)
    for (const [word, pattern] of Object.entries(BANNED)) {
      const found = text.match(pattern)?.length ?? 0;
      if (found === 0) continue;
      counts[word] = (counts[word] ?? 0) + found;
      where.push(`${path}: ${word} ${found}`);
    }
  for (const word of Object.keys(BANNED))
    expect(counts[word] ?? 0, `${word}\n${where.filter((line) => line.includes(word)).join('\n')}`).toBeLessThanOrEqual(
      LEFT[word] ?? 0,
    );
  expect(counts, 'lower the numbers of what is left').toEqual(LEFT);
});

/** Fenced blocks of the pages, as a reader sees them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the hooks of docs/guides/uploads.md and docs/integrations.md, which hooks.test.ts and integrations.test.ts run. */
export const HOOK_LANGUAGES: readonly string[] = ['ts', 'python', 'php'];
/** `sh` is run; `json` and `text` are what the `sh` block right before them prints, or are checked elsewhere. */
export const LANGUAGES: readonly string[] = ['sh', 'json', 'text', ...HOOK_LANGUAGES];

export interface Block {
  readonly page: string;
  /** Number of the block's first line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** Only blank lines are between it and the block before. */
  readonly follows: boolean;
}

const inFolder = (folder: string, recursive: boolean) =>
  readdirSync(folder, { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join(folder, name));

export const PAGES: readonly string[] = [
  ...inFolder('.', false),
  ...['bench', 'docs', 'hashlists'].flatMap((folder) => inFolder(folder, true)),
].filter((page) => !page.endsWith('ATTRIBUTION.md'));

export const pageText = (page: string): string => readFileSync(page, 'utf8');

/** Return the blocks of a page. Errors: a fence that is not closed. */
export function blocksOf(page: string, text = pageText(page)): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  let isBeside = false;
  for (let at = 0; at < lines.length; at++) {
    const language = /^\s*```(.*)$/.exec(lines[at]!)?.[1];
    if (language === undefined) {
      if (lines[at]!.trim() !== '') isBeside = false;
      continue;
    }
    const end = lines.findIndex((line, index) => index > at && /^\s*```\s*$/.test(line));
    if (end === -1) throw new Error(`${page}:${at + 1}: the block is not closed`);
    const inside = lines.slice(at + 1, end);
    blocks.push({ page, line: at + 2, language: language.trim(), text: `${inside.join('\n')}\n`, follows: isBeside });
    isBeside = true;
    at = end;
  }
  return blocks;
}

/** Inline code of a page, without its blocks. */
export function codeSpansOf(text: string): string[] {
  return [...text.replace(/^\s*```.*?^\s*```\s*$/gms, '').matchAll(/`([^`]+)`/g)].map(([, span]) =>
    span!.replace(/\s+/g, ' '),
  );
}

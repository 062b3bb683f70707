/** Terminal text of a bank of HMA that was imported: what has no place in its entries. */
import { terminalField } from '../core/terminal.js';
import type { HmaFacts } from '../hashlists/hma-facts.js';

/** Return one fact a line, and what to do about it. */
export function hmaText(list: string, facts: HmaFacts): string {
  const { bank, ratio, contents, disabledForEver, notesLeftOut, otherTypes, exchanges } = facts;
  const others = Object.entries(otherTypes).map(([name, count]) => `${terminalField(name)} ${count}`);
  const isSampled = ratio !== null && ratio !== 1;
  const change = `--bank ${bank}${isSampled ? ` --sample ${ratio}` : ''}`;
  const lines = [
    `bank ${terminalField(bank)}, ${contents} contents; content 17 is the entry hma-17, and has another number under /c/bank`,
    `for HMA’s clients: zeef lists set ${list} ${terminalField(change)}`,
    ...(!isSampled ? [] : [`its enabled_ratio is ${ratio}; a seed draws the same sample as in HMA`]),
    ...(disabledForEver === 0 ? [] : [`not imported: ${disabledForEver} contents that are disabled for ever`]),
    ...(others.length === 0 ? [] : [`not imported: signals of other types: ${others.join(', ')}`]),
    ...(notesLeftOut === 0
      ? []
      : [`${notesLeftOut} contents without their note or metadata: too long, or it has a value`]),
    ...(exchanges.length === 0
      ? []
      : [`not imported: exchanges ${exchanges.map(terminalField).join(', ')}; see zeef lists source`]),
    'PDQ hashes that HMA made of palette images (GIF, PNG-8) match nothing: it hashed the numbers of the colours; add these images again',
  ];
  return lines.map((line) => `  ${line}\n`).join('');
}

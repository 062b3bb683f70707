/** Pages of NCMEC without the entries of other members: the service has no parameter for them. */
import { AppError } from '../core/errors.js';
import { BoundedXml, type XmlElement, XmlFault } from './formats/xml.js';
import { RECORD_DEPTH } from './sources.js';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replace(/[&<>"]/g, (one) => ESCAPES[one]!);

/** Writes a document again, element by element; an entry is kept or dropped when it ends. */
class Copy {
  readonly #members: ReadonlySet<string>;
  readonly #out: string[] = [];
  #depth = 0;
  #entryAt = 0;
  #member: string | null = null;

  constructor(members: readonly string[]) {
    this.#members = new Set(members);
  }

  opened({ local, uri, attributes }: XmlElement): void {
    this.#depth++;
    if (this.#depth === RECORD_DEPTH) {
      this.#entryAt = this.#out.length;
      this.#member = null;
    }
    // A member deeper down gave feedback; the entry is not its own.
    if (this.#depth === RECORD_DEPTH + 1 && local === 'member') this.#member = attributes.id ?? null;
    const own = Object.entries(attributes).filter(([name]) => name !== 'xmlns');
    const namespace = this.#depth === 1 ? [['xmlns', uri] as const] : [];
    const written = [...namespace, ...own].map(([name, value]) => ` ${name}="${escaped(value)}"`);
    this.#out.push(`<${local}${written.join('')}>`);
  }

  text(text: string): void {
    this.#out.push(escaped(text));
  }

  closed(local: string): void {
    this.#out.push(`</${local}>`);
    // Links are below the root as well, and have no member.
    const isOther = this.#member !== null && !this.#members.has(this.#member);
    if (this.#depth === RECORD_DEPTH && isOther) this.#out.length = this.#entryAt;
    this.#depth--;
  }

  get bytes(): Buffer {
    return Buffer.from(this.#out.join(''));
  }
}

/** Return the page with the entries of these members. Errors SOURCE_FAILED: not XML, or beyond a bound. */
export function ofMembers(body: Uint8Array, members: readonly string[]): Buffer {
  const copy = new Copy(members);
  try {
    const xml = new BoundedXml(copy);
    xml.write(body);
    xml.close();
  } catch (error) {
    throw new AppError('SOURCE_FAILED', {
      why: error instanceof XmlFault ? `invalid page: ${error.message}` : 'invalid page',
    });
  }
  return copy.bytes;
}

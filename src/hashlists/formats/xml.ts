/**
 * XML of a list → events, within bounds. The parser resolves a prefix by walking up the open elements, so its time grows with
 * the square of the depth; depth and attributes are bounded before it walks. No error quotes the document: it may be a value.
 */
import type { SaxesTagNS } from 'saxes';
import { lazily } from '../../core/lazily.js';
import { HASHLIST_RECORD_BYTES_MAX } from '../lines.js';

const saxes = lazily<typeof import('saxes')>('saxes');

/** Lists nest six elements; more is not a list, or is a bomb. */
export const XML_DEPTH_MAX = 32;
/** Elements of lists have two or three. */
export const XML_ATTRIBUTES_MAX = 64;
/** Characters given to the parser at once: it is stopped between two pieces. */
const PIECE_CHARS = 65_536;

export interface XmlElement {
  readonly local: string;
  readonly uri: string;
  /** By local name. */
  readonly attributes: Readonly<Record<string, string>>;
}

interface XmlEvents {
  opened(element: XmlElement): void;
  text(text: string): void;
  closed(local: string): void;
}

/** Its message is in Zeef's own words. */
export class XmlFault extends Error {}

const plainOf = ({ local, uri, attributes }: SaxesTagNS): XmlElement => ({
  local,
  uri,
  attributes: Object.fromEntries(Object.values(attributes).map((one) => [one.local, one.value])),
});

export class BoundedXml {
  readonly #parser = new (saxes().SaxesParser)({ xmlns: true, position: true });
  readonly #decoder = new TextDecoder('utf-8');
  #depth = 0;
  #attributes = 0;
  #charsSinceEvent = 0;

  /** Errors of the handlers pass through `write` and `close`. */
  constructor(events: XmlEvents) {
    const parser = this.#parser;
    const happened = () => {
      this.#charsSinceEvent = 0;
    };
    // Thrown from within the parser: it must not read on.
    parser.on('error', () => {
      throw new XmlFault('invalid XML');
    });
    parser.on('opentagstart', () => {
      happened();
      this.#attributes = 0;
      this.#depth++;
      if (this.#depth > XML_DEPTH_MAX) throw new XmlFault(`elements are nested deeper than ${XML_DEPTH_MAX}`);
    });
    parser.on('attribute', () => {
      this.#attributes++;
      if (this.#attributes > XML_ATTRIBUTES_MAX)
        throw new XmlFault(`an element has more than ${XML_ATTRIBUTES_MAX} attributes`);
    });
    parser.on('opentag', (tag) => events.opened(plainOf(tag)));
    const text = (said: string) => {
      happened();
      events.text(said);
    };
    parser.on('text', text);
    parser.on('cdata', text);
    parser.on('closetag', ({ local }) => {
      happened();
      this.#depth--;
      events.closed(local);
    });
  }

  /** Line that is being read, from 1. */
  get line(): number {
    return this.#parser.line;
  }

  /** Errors XmlFault: not XML, or beyond a bound. */
  write(bytes: Uint8Array): void {
    this.#feed(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Errors XmlFault: the document is truncated. */
  close(): void {
    this.#feed(this.#decoder.decode());
    this.#parser.close();
  }

  #feed(chars: string): void {
    for (let at = 0; at < chars.length; at += PIECE_CHARS) {
      const piece = chars.slice(at, at + PIECE_CHARS);
      this.#charsSinceEvent += piece.length;
      this.#parser.write(piece);
      // The parser holds a text, a comment or a tag until it ends: an endless one must not fill the memory.
      if (this.#charsSinceEvent > HASHLIST_RECORD_BYTES_MAX)
        throw new XmlFault(`text exceeds ${HASHLIST_RECORD_BYTES_MAX} characters`);
    }
  }
}

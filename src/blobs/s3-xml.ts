/** Responses of S3 → elements, within the bounds of `BoundedXml`; the caller has bounded the bytes. */
import { AppError } from '../core/errors.js';
import { BoundedXml, XmlFault } from '../hashlists/formats/xml.js';

export interface S3Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly S3Element[];
}

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: OpenElement[];
}

/** Return the root element. Errors STORE_FAILED: it is not XML, or beyond a bound. */
export function readS3Xml(bytes: Buffer): S3Element {
  const top: OpenElement = { name: '', text: '', children: [] };
  const open = [top];
  const parser = new BoundedXml({
    opened: ({ local }) => {
      const element: OpenElement = { name: local, text: '', children: [] };
      open.at(-1)!.children.push(element);
      open.push(element);
    },
    text: (text) => {
      open.at(-1)!.text += text;
    },
    closed: () => open.pop(),
  });
  try {
    parser.write(bytes);
    parser.close();
  } catch (error) {
    if (!(error instanceof XmlFault)) throw error;
    throw new AppError('STORE_FAILED', { why: `the response of S3 is invalid: ${error.message}` });
  }
  return top.children[0]!;
}

/** Return the text of a child element; null where there is none. */
export const childText = (element: S3Element, name: string): string | null =>
  element.children.find((one) => one.name === name)?.text ?? null;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const xmlText = (text: string): string => text.replace(/[&<>"]/g, (one) => ENTITIES[one]!);

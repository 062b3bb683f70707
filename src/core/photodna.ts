/** PhotoDNA values as clients send them. Zeef stores and compares them; it never computes one. */
import { AppError } from './errors.js';
import { VALUE_BYTES } from './vocabulary.js';

const BYTES = VALUE_BYTES.photodna;

/** Parse base64 (192 characters) or hex (288 digits) → Uint8Array(144). Errors VALUE_INVALID, without the value. */
export function parsePhotoDna(text: string): Uint8Array {
  const isHex = text.length === BYTES * 2 && /^[0-9a-f]+$/i.test(text);
  const isBase64 = text.length === (BYTES / 3) * 4 && /^[A-Za-z0-9+/]+$/.test(text);
  if (isHex) return Buffer.from(text, 'hex');
  if (isBase64) return Buffer.from(text, 'base64');
  throw new AppError('VALUE_INVALID', {
    field: 'photodna',
    expected: `${BYTES} bytes as base64 or hex`,
  });
}

/** Names of banks, as HMA takes them: for lists, for its dumps and for its interface. */

/** HMA's limit. */
export const BANK_CHARACTERS_MAX = 255;
/** Capitals, digits and `_`, not beginning with a digit. */
export const BANK_NAME = /^[A-Z_][A-Z0-9_]*$/;

export const isBankName = (text: string): boolean => text.length <= BANK_CHARACTERS_MAX && BANK_NAME.test(text);

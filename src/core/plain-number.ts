/** Numbers as people type them: decimal digits. `Number` alone would also take `0x1f`, `1e2` and ` 7`. */

/** Return a whole number of plain digits; NaN: the text is none. */
export const wholeOf = (text: string): number => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN);

/** Return a number of plain digits, with or without a fraction; NaN: the text is none. */
export const decimalOf = (text: string): number =>
  /^(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})$/.test(text) ? Number(text) : Number.NaN;

import { expect, test } from 'vitest';
import { terminalField, terminalText } from '../../src/core/terminal.js';

test.each([
  ['\u001b[2J', '\\u001b[2J'],
  ['a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
  ['\u0085\u009b\u007f\r', '\\u0085\\u009b\\u007f\\u000d'],
  ['\u{e0041}', '\\udb40\\udc41'],
  ['line\n\tünï 👩‍👩‍👧', 'line\n\tünï 👩‍👩‍👧'],
])('%j is written as %j', (text, written) => expect(terminalText(text)).toBe(written));

test('JSON keeps its meaning', () => {
  const value = { path: '\u202egpj.\u009b\u{e0041}\n' };
  expect(JSON.parse(terminalText(JSON.stringify(value)))).toEqual(value);
});

test('a field is one field of one line', () => {
  expect(terminalField('e1\nok: 3 checked\tx\u001b[2J')).toBe('e1\\nok: 3 checked\\tx\\u001b[2J');
});

/** Mistakes on a page are found. */
import { expect, test } from 'vitest';
import { blocksOf } from './blocks.js';
import { runPage, unheld } from './run-page.js';
import { isServing } from './script.js';

const nothing = () => false;
/** Blocks of a page, `sh` unless they begin with another language and a colon. */
const run = (...blocks: string[]) => {
  const fenced = blocks.map((block) => {
    const [, language = 'sh', text] = /^(?:(json|text):)?(.*)$/s.exec(block)!;
    return `\`\`\`${language}\n${text}\n\`\`\`\n`;
  });
  return runPage(blocksOf('page.md', fenced.join('\n')), nothing);
};

test('found: an unknown option', async () => {
  const wrong = await run('true', 'zeef lists show --jason');
  expect(wrong).toContain('page.md:6: exit code 2');
  expect(wrong).toContain('unknown option');
});

test.each<[string, string[], string]>([
  ['a command in the middle fails', ['false\ntrue'], 'page.md:2: exit code 1'],
  ['an undocumented exit code', ['sh -c "exit 3"'], 'exit code 3'],
  ['an exit code other than the documented one', ['sh -c "exit 3"   # exit 1: found'], 'exit code 3; the page says 1'],
  ['exit code 0 where another is documented', ['true \\\n  # exit 1'], 'the page says 1'],
  ['an unset variable', ['echo "$NOTHING"'], 'NOTHING'],
  ['a variable of another command only', ['WORD=a true', 'echo "$WORD"'], 'WORD'],
  ['a variable that is not exported', ['WORD=a', "sh -uc 'echo $WORD'"], 'WORD'],
  ['a missing file', ['cat nothing.txt'], 'nothing.txt'],
  ['other text', ['echo one; echo two', 'text:one\nthree'], 'page.md:6: the output is'],
  ['text that is only a part', ['echo one; echo two', 'text:one'], 'the output is'],
  ['another value in JSON', [`echo '{"a":[1,{"b":2}]}'`, 'json:{"a":[1,{"b":3}]}'], 'it.a.1.b is 2'],
  ['a missing field', [`echo '{"a":1}'`, 'json:{"b":"..."}'], 'it.b is missing'],
  ['a shorter array', [`echo '[1,2]'`, 'json:[1]'], 'it is [1,2]'],
  ['an array that begins otherwise', [`echo '[1,2]'`, 'json:[2,"..."]'], 'it.0 is 1'],
  ['output that is not JSON', ['echo a', 'json:{}'], 'not JSON'],
  ['no running service', ['curl -sS http://127.0.0.1:8080/livez'], 'exit code 7'],
  ['a response that is an error', ['zeef serve', 'curl -s http://127.0.0.1:8080/v1/hits/nothing'], 'exit code 22'],
  ['a service that does not start', ['zeef serve --sampel'], 'not ready'],
  ['files left in the folder for temporary files', ['echo > "$TMPDIR/left"'], 'left in the folder'],
])('found: %s', async (_name, blocks, why) => {
  expect(await run(...blocks)).toContain(why);
});

test('a correct page passes', async () => {
  const blocks = [
    `WORD='it'"'"'s "a" $b'\nexport OTHER=2\nmkdir inside\ncd inside`,
    `test "$WORD" = 'it'"'"'s "a" $b'\nsh -uc 'test $OTHER = 2'\ntest "$(basename "$PWD")" = inside`,
    'sh -c "exit 3" \\\n  # exit 3: as it should',
    `echo '{"a":[1,{"b":2}],"c":3}'`,
    'json:{"a":[1,{"b":"..."}]}',
    `echo '[1,2,3]'`,
    'json:[1,"..."]',
    'for n in 1 2 3 4; do echo "line $n."; done',
    'text:line 1.\n...\nline ....',
    'cat > list.txt <<END\n#\n\n  two\nEND\nwc -l < list.txt',
  ];
  expect(await run(...blocks)).toBeNull();
});

test('isServing is true for blocks that end with a running service', () => {
  expect(
    ['npm ci && npm start   # serves', 'X=1 zeef --data-dir a serve --sample', 'true\nnpx zeef serve'].map(isServing),
  ).toEqual([true, true, true]);
  expect(['npm ci && npm test', 'zeef serve --sample\ntrue', 'zeef keys list # serve'].map(isServing)).toEqual([
    false,
    false,
    false,
  ]);
});

test('unheld returns output without a command right before it', () => {
  const page =
    '```sh\ntrue\n```\n\nwords\n\n```text\na\n```\n\n```text\nb\n```\n\n```sh\ntrue\n```\n\n```text\nc\n```\n';
  expect(unheld(blocksOf('page.md', page)).map(({ text }) => text)).toEqual(['a\n', 'b\n']);
});

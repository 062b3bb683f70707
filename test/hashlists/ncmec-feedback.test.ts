/** What members of NCMEC's programmes say of an entry is a note of the fingerprint that they said it of. */
import { expect, test } from 'vitest';
import { parsedRows } from '../support/parsed.js';

const AT = '2023-06-01T12:48:14Z';
const members = (...names: string[]) =>
  `<members timestamp="${AT}">${names.map((name, n) => `<member id="${n + 50}">${name}</member>`).join('')}</members>`;
const yes = (type: string, ...names: string[]) =>
  `<affirmativeFeedback type="${type}" lastUpdateTimestamp="${AT}">${members(...names)}</affirmativeFeedback>`;
const reason = (name: string, ...names: string[]) =>
  `<reason guid="01234567-abcd-0123-4567-012345678900" name="${name}" type="Sha1"/>${members(...names)}`;
const no = (type: string, ...reasons: string[]) =>
  `<negativeFeedback type="${type}" lastUpdateTimestamp="${AT}"><reasons>${reasons.join('')}</reasons></negativeFeedback>`;

/** Notes of the two fingerprints of an entry. */
async function notes(feedback: string) {
  const entry = `<image><member id="42">Owner</member><timestamp>${AT}</timestamp><id>image1</id>
    <classification>A1</classification><remark>own</remark>
    <fingerprints><md5>${'a1'.repeat(16)}</md5><sha1>${'a1'.repeat(20)}</sha1></fingerprints>${feedback}</image>`;
  const root = `<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images>${entry}</images></queryResult>`;
  const rows = await parsedRows('ncmec', root);
  return rows.map((row) => {
    if (!row.ok) throw new Error(row.reason);
    // The owner of the entry is none of those who gave feedback.
    expect(row.entry).toMatchObject({ entryId: '42/image1', source: 'Owner' });
    return row.entry.notes;
  });
}

test('each fingerprint has the feedback on it', async () => {
  const feedback = `<feedback lastUpdateTimestamp="${AT}">${yes('Md5', 'One', 'Two')}${no('Sha1', reason('Bad hash', 'Three'), reason('Other', 'Four'))}</feedback>`;
  expect(await notes(feedback)).toEqual([
    { remark: 'own', affirmativeFeedback: `One, Two (${AT})` },
    { remark: 'own', negativeFeedback: `Bad hash: Three; Other: Four (${AT})` },
  ]);
});

test('both on one fingerprint', async () => {
  expect((await notes(`<feedback>${yes('MD5', 'One')}${no('md5', reason('Bad', 'Two'))}</feedback>`))[0]).toEqual({
    remark: 'own',
    affirmativeFeedback: `One (${AT})`,
    negativeFeedback: `Bad: Two (${AT})`,
  });
});

test.each([
  ['none', ''],
  ['empty', '<feedback/>'],
  ['of another fingerprint', `<feedback>${yes('Videntifier', 'One')}</feedback>`],
  ['of an unknown kind', `<feedback><neutralFeedback type="Md5">${members('One')}</neutralFeedback></feedback>`],
])('feedback: %s', async (_says, feedback) => {
  expect(await notes(feedback)).toEqual([{ remark: 'own' }, { remark: 'own' }]);
});

test('of many members the first are named, and the others counted', async () => {
  const many = Array.from({ length: 23 }, (_, n) => `M${n}`);
  const [first] = await notes(`<feedback>${yes('Md5', ...many)}</feedback>`);
  expect(first!.affirmativeFeedback).toBe(`${many.slice(0, 20).join(', ')}, 3 more (${AT})`);
  const [long] = await notes(`<feedback>${yes('Md5', ...many.map((name) => name + 'x y'.repeat(100)))}</feedback>`);
  expect(long!.affirmativeFeedback!.length).toBeLessThan(1_030);
});

test('thousands of statements are bounded', async () => {
  const said = await notes(`<feedback>${yes('Sha1', 'One').repeat(5_000)}${yes('Md5', 'Two')}</feedback>`);
  expect(said).toEqual([{ remark: 'own' }, { remark: 'own', affirmativeFeedback: `One (${AT})` }]);
});

test('members of a statement that is not read are in no other one', async () => {
  const neutral = `<neutralFeedback type="Md5">${members('Two')}</neutralFeedback>`;
  expect((await notes(`<feedback>${yes('Md5', 'One')}${neutral}</feedback>`))[0]).toEqual({
    remark: 'own',
    affirmativeFeedback: `One (${AT})`,
  });
});

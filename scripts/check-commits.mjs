// Checks the subjects of commits: node scripts/check-commits.mjs [COMMIT | RANGE]
//
// Without an argument: the commits of HEAD that origin's default branch does not have; if there are none, or there is
// no origin, every commit since the rule was introduced. COMMIT: the commits of HEAD after it. RANGE: as for `git log`.
// Exit code: 0 all pass, or the check was skipped; 1 a subject breaks a rule; 2 git does not know the argument.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Last commit before the rule: it and its ancestors have longer subjects, and are not checked. */
const RULE_BEGINS_AFTER = '3a65c00eb077c9ea106e1e2bf82ad95448b731ea';
/** `git log --oneline` shows this much beside the hash on a terminal of 80 columns. */
const SUBJECT_CHARS_MAX = 72;

function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { encoding: 'utf8', maxBuffer: 1e9 });
  return { ok: status === 0, out: stdout ?? '', why: (stderr ?? 'git is not installed').trim().split('\n')[0] };
}

function end(exitCode, lines) {
  (exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
  process.exit(exitCode);
}
const leftOut = (why) => end(0, [`commit subjects: left out, ${why}`]);

const isCommit = (name) => git('rev-parse', '--quiet', '--verify', '--end-of-options', `${name}^{commit}`).ok;

/** Return the rules that a subject breaks. */
function faultsOf(subject) {
  const length = [...subject].length;
  return [
    subject.trim() === '' && 'is empty',
    length > SUBJECT_CHARS_MAX && `has ${length} characters, at most ${SUBJECT_CHARS_MAX}`,
    subject.endsWith('.') && 'ends with a full stop',
    /^(wip\b|fixup!|squash!|amend!)/i.test(subject) && 'is of work in progress',
  ].filter(Boolean);
}

function revisionsFor(argument) {
  if (argument !== undefined) return argument.includes('..') ? [argument] : ['HEAD', `^${argument}`];
  const trunk = ['origin/HEAD', 'origin/main', 'origin/master'].find(isCommit);
  if (trunk === undefined) return ['HEAD'];
  const isNew = git('rev-list', '--max-count=1', 'HEAD', `^${trunk}`).out !== '';
  return isNew ? ['HEAD', `^${trunk}`] : ['HEAD'];
}

// A repository in a parent folder belongs to another project.
if (!existsSync('.git')) leftOut('this folder is no git checkout');
const shallow = git('rev-parse', '--is-shallow-repository');
if (!shallow.ok) leftOut(`git cannot read this folder (${shallow.why})`);
if (shallow.out.trim() === 'true') leftOut('this clone is shallow');
if (!isCommit('HEAD')) leftOut('there is no commit yet');

const argument = process.argv[2];
if (argument?.startsWith('-')) end(2, ['usage: node scripts/check-commits.mjs [COMMIT | RANGE]']);
const revisions = revisionsFor(argument);
if (isCommit(RULE_BEGINS_AFTER)) revisions.push(`^${RULE_BEGINS_AFTER}`);
const log = git('log', '--no-merges', '-z', '--format=%h%x09%s', ...revisions, '--');
if (!log.ok) end(2, [`commit subjects: ${log.why}`]);

const commits = log.out
  .split('\0')
  .filter((row) => row !== '')
  .map((row) => {
    const tab = row.indexOf('\t');
    return { hash: row.slice(0, tab), subject: row.slice(tab + 1) };
  });
const faults = commits.flatMap(({ hash, subject }) =>
  faultsOf(subject).map((fault) => `${hash} ${JSON.stringify(subject)} ${fault}`),
);
if (faults.length > 0) end(1, [...faults, `commit subjects: ${faults.length} to fix (CONTRIBUTING.md)`]);
end(0, [`commit subjects: ${commits.length} checked, all pass`]);

/** Examples of each command: shown by `--help`, not by `-h`, and in the manual page. */
import type { Command } from 'commander';

interface Example {
  readonly does: string;
  readonly command: string;
}

const example = (does: string, command: string): Example => ({ does, command });

/** By the path of the command. Every command has at least one. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  serve: [
    example('A first look, with the list of sample images', 'zeef serve --sample'),
    example('On all addresses; without a key it does not start', 'zeef serve --host 0.0.0.0 --port 8080'),
  ],
  check: [
    example('One image', 'zeef check photo.jpg'),
    example('All images of a folder, as JSON lines', 'zeef check --json images'),
    example('An image that another program writes', 'curl -s https://host.example/photo.jpg | zeef check -'),
  ],
  hash: [
    example('PDQ hash, digests and size', 'zeef hash photo.jpg'),
    example('PDQ hashes of all orientations', 'zeef hash --algorithm pdq --orientations all photo.jpg'),
  ],
  scan: [
    example('A tree of files; what matched is on stdout', 'zeef scan /srv/images > matches.jsonl'),
    example(
      'A scan that can be stopped and started again, with a report',
      'zeef scan /srv/images --resume inventory --report report.jsonl',
    ),
    example('A bucket, gently', 'zeef scan s3://images/2026/ --max-rate 200'),
    example(
      'New entries of the lists against the images that were read before',
      'zeef scan --rematch inventory --new-entries',
    ),
  ],
  'lists source': [
    example(
      'A list that is fetched from a service',
      'zeef lists source ncmec --type ncmec --url https://hashsharing.ncmec.org/npo',
    ),
    example('Where a list comes from, and how its last sync went', 'zeef lists source ncmec'),
  ],
  'lists sync': [example('All lists that have a source', 'zeef lists sync')],
  'lists import': [
    example('A new list, or a new version of one', 'zeef lists import hashes.csv --list own'),
    example(
      'A file of MD5 sums, added to what the list has',
      'zeef lists import sums.txt --list own --algorithm md5 --add',
    ),
    example('Columns under other names', 'zeef lists import file.csv --list own --map value=HASH,algorithm=TYPE'),
  ],
  'lists show': [example('All lists: size, version, age', 'zeef lists show')],
  'lists verify': [example('Whether the rows are those of the import', 'zeef lists verify own')],
  'lists set': [
    example('A narrower radius', 'zeef lists set own --radius 20'),
    example('Cropped and turned copies too', 'zeef lists set own --detail deep'),
    example('Entries that match for a year', 'zeef lists set own --entry-days 365'),
  ],
  'lists rename': [example('Another name', 'zeef lists rename own own-nl')],
  'lists versions': [example('What each import changed', 'zeef lists versions own')],
  'lists approve': [
    example('Activate the version that is held', 'zeef lists approve own'),
    example(
      'Only the one that was reviewed, and none that came after it',
      'zeef lists approve own --imported-at 2026-09-14T09:00:00.000Z',
    ),
  ],
  'lists reject': [example('Discard the version that is held', 'zeef lists reject own')],
  'lists rollback': [example('Back to version 3', 'zeef lists rollback own --to 3')],
  'lists quarantined': [example('Entries that wait for a decision', 'zeef lists quarantined')],
  'lists quarantine': [
    example('Matches of one entry are reported and do not count', 'zeef lists quarantine own --entry 4711'),
  ],
  'lists release': [example('They count again', 'zeef lists release own --entry 4711')],
  'lists enable': [example('A list that was disabled', 'zeef lists enable own')],
  'lists disable': [
    example('A whole list', 'zeef lists disable own'),
    example('All entries of one source', 'zeef lists disable own --source agency'),
  ],
  'lists remove': [example('One entry', 'zeef lists remove own --entry 4711')],
  'lists export': [
    example('One list as a sealed file', 'zeef lists export own.sealed --list own'),
    example('One list as CSV, readable by anyone', 'zeef lists export own.csv --list own --format csv --plain'),
  ],
  'lists feedback': [
    example('What people decided on a list, as a file', 'zeef lists feedback own --out feedback.csv'),
    example('What would be sent to its publisher', 'zeef lists feedback own --send'),
  ],
  'lists rotate-key': [example('All values under a new data key', 'zeef lists rotate-key')],
  'lists add': [example('Images that you confirmed yourself', 'zeef lists add own confirmed/*.jpg --category A1')],
  'keys create': [
    example('A key for an upload path', 'zeef keys create --tenant shop --scopes check --name uploads'),
    example(
      'A key for the desk, for a year',
      'zeef keys create --tenant shop --scopes hits details --expires 2027-12-31',
    ),
  ],
  'keys list': [example('All keys of a tenant', 'zeef keys list --tenant shop')],
  'keys rotate': [example('A new key; the old one works for a day', 'zeef keys rotate $KEY_ID --grace 24')],
  'keys revoke': [example('At once', 'zeef keys revoke $KEY_ID')],
  'ledger verify': [example('The chains, the counts and every hit', 'zeef ledger verify')],
  'ledger backup': [example('A copy while the service runs', 'zeef ledger backup /backup/ledger.sqlite')],
  'ledger show': [example('Totals and the newest hits', 'zeef ledger show')],
  'hits list': [
    example('What is due next', 'zeef hits list --order due'),
    example('What is late, as JSON lines', 'zeef hits list --overdue --all --json'),
    example('All below one folder', 'zeef hits list --reference-prefix /srv/images/2026/ --all'),
    example('All of a file whose MD5 is known', 'zeef hits list --all --digest 9e107d9d372bb6826bd81d3542a419d6'),
  ],
  'hits show': [example('One case with its history', 'zeef hits show $CASE')],
  'hits assign': [
    example('Two cases for one person', 'zeef hits assign $CASE $OTHER --to ann'),
    example('Back to all', 'zeef hits assign $CASE --none'),
  ],
  'hits dispute': [
    example('The customer objects', 'zeef hits dispute $CASE --note "ticket 4711"'),
    example('It was a mistake', 'zeef hits dispute $CASE --end'),
  ],
  'hits decide': [
    example('Two cases with one note', 'zeef hits decide $CASE $OTHER --status removed --note "night shift"'),
    example('A false positive whose entry counts no more', 'zeef hits decide $CASE --status false_positive --suppress'),
  ],
  'suppressions list': [example('All of them', 'zeef suppressions list')],
  'suppressions add': [
    example('An entry of a list', 'zeef suppressions add --list own --entry 4711'),
    example('A value', 'zeef suppressions add $VALUE --algorithm md5 --note "our logo"'),
  ],
  'suppressions remove': [example('A value, by the id of its suppression', 'zeef suppressions remove $ID')],
  report: [
    example('A quarter, as text', 'zeef report --period 2026-Q3'),
    example('A year, as a page', 'zeef report --period 2026 --format html --out 2026.html'),
  ],
  notice: [example('A notice in Dutch', 'zeef notice $CASE --language nl')],
  'tenants list': [example('Limits and usage of one', 'zeef tenants list shop')],
  'tenants set': [example('A daily limit', 'zeef tenants set shop --checks-per-day 1000000')],
  'audit show': [example('The last ten changes', 'zeef audit show --last 10')],
  'audit verify': [example('Whether any row was changed', 'zeef audit verify')],
  'webhooks add': [
    example(
      'News of hits, signed with a secret of the service’s environment',
      'zeef webhooks add https://desk.example/zeef --secret-env WEBHOOK_SECRET',
    ),
  ],
  'webhooks list': [example('Addresses, and events that failed', 'zeef webhooks list')],
  'webhooks remove': [example('One address', 'zeef webhooks remove $HOOK')],
  'webhooks retry': [example('Failed events are sent again', 'zeef webhooks retry $HOOK')],
  'webhooks ping': [example('A test event', 'zeef webhooks ping $HOOK')],
  'config show': [example('What differs from the defaults, and where it is set', 'zeef config show --changed')],
  doctor: [example('Before the first start, and when something is odd', 'zeef doctor')],
  health: [example('For a probe: whether checks can be answered', 'zeef health --ready')],
  replicas: [example('Processes that share the store', 'zeef replicas')],
  verify: [
    example('Every row of the store', 'zeef verify'),
    example('The inventory of a scan', 'zeef verify --inventory inventory'),
  ],
  migrate: [
    example('To PostgreSQL', 'zeef migrate --to postgres://zeef@db.example/zeef'),
    example('Back into an empty folder', 'zeef --data-dir new migrate --from postgres://zeef@db.example/zeef'),
  ],
  bench: [
    example('The index with ten million entries', 'zeef bench index --sizes 10000000'),
    example('A minute, to see that all run', 'zeef bench --smoke'),
  ],
  completion: [
    example('In this shell', 'source <(zeef completion bash)'),
    example('In each new one', 'zeef completion bash > /etc/bash_completion.d/zeef'),
    example('In zsh, from a folder of $fpath', 'zeef completion zsh > ~/.zfunc/_zeef'),
    example('In fish', 'zeef completion fish > ~/.config/fish/completions/zeef.fish'),
  ],
  man: [example('To read it', 'zeef man | man -l -')],
};

/** Add the examples to the help of all commands below. */
export function addExamples(command: Command, path: readonly string[] = []): void {
  for (const below of command.commands) {
    const at = [...path, below.name()];
    const examples = EXAMPLES[at.join(' ')] ?? [];
    if (examples.length > 0) {
      const lines = examples.map(({ does, command: text }) => `  ${does}:\n    ${text}\n`);
      below.addHelpText('after', `\nExamples:\n${lines.join('')}`);
    }
    addExamples(below, at);
  }
}

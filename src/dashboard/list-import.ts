/** Form of an import by upload: files, their format, and what they do to the list. */
import { make, say } from './dom.js';
import { confirmed } from './list-actions.js';
import { bytesWords } from './list-jobs.js';
import type { ListFacts } from './list-types.js';
import { beginUpload, isUploading } from './list-uploads.js';
import { entriesWords } from './list-words.js';

/** Formats of `POST /v1/lists/NAME/entries`; a test compares them with the service's. */
const FORMATS = [
  'plain',
  'csv',
  'jsonl',
  'json',
  'ncmec',
  'vics',
  'stopncii',
  'threatexchange',
  'threatexchange-csv',
  'tech-against-terrorism',
  'hma',
] as const;
const ALGORITHMS = ['md5', 'sha1', 'sha256', 'pdq', 'blockhash', 'photodna'];

/** Return the format of a file suffix; empty where several formats have it, and a person must choose. */
function formatOf(name: string): string {
  if (/\.csv$/i.test(name)) return 'csv';
  if (/\.(jsonl|ndjson)$/i.test(name)) return 'jsonl';
  return /\.(json|xml)$/i.test(name) ? '' : 'plain';
}

type Choice = readonly [value: string, label: string];
const select = (name: string, choices: readonly Choice[]) =>
  make('select', { name }, ...choices.map(([value, label]) => make('option', { value }, label)));
const field = (label: string, control: HTMLElement) => make('label', {}, `${label} `, control);

export interface ImportForm {
  readonly element: HTMLElement;
  /** Null: the import makes the list. */
  follow(list: ListFacts | null): void;
}

/** The fields of the form. */
function makeFields() {
  const files = make('input', { type: 'file', name: 'files', multiple: '', required: '' });
  const format = select('format', [['', 'choose…'], ...FORMATS.map((one) => [one, one] as const)]);
  format.required = true;
  const mode = select('mode', [
    ['replace', 'replace the list'],
    ['add', 'add to the list'],
  ]);
  const kind = select('kind', [
    ['match', 'matches'],
    ['suppression', 'suppresses'],
  ]);
  const algorithm = select('algorithm', [['', 'as the file says'], ...ALGORITHMS.map((one) => [one, one] as const)]);
  const typed = { autocomplete: 'off', spellcheck: 'false' };
  const categories = make('input', { name: 'categories', placeholder: 'all', ...typed });
  const map = make('input', { name: 'map', placeholder: 'value=HASH,…', ...typed });
  const bank = make('input', { name: 'bank', placeholder: 'the only one', ...typed });
  const bankField = field('Bank of the dump', bank);
  const showBank = () => {
    bankField.hidden = format.value !== 'hma';
  };
  showBank();
  format.addEventListener('change', showBank);
  const setFormat = (value: string) => {
    format.value = value;
    showBank();
  };
  return { files, format, setFormat, mode, kind, algorithm, categories, map, bank, bankField };
}

export function importForm(name: string): ImportForm {
  let list: ListFacts | null = null;
  const fields = makeFields();
  const { files, format, mode, kind, algorithm, categories, map, bank } = fields;
  const kindField = field('The new list', kind);
  const problem = make('p', { class: 'problem', role: 'alert' });
  const begin = make('button', { type: 'submit' }, 'Import');
  const form = make(
    'form',
    { 'aria-label': 'Import a file' },
    make(
      'div',
      { class: 'filters' },
      field('File', files),
      field('Format', format),
      field('It shall', mode),
      kindField,
      field('Categories', categories),
      field('Algorithm', algorithm),
      field('Columns', map),
      fields.bankField,
    ),
    problem,
    make('p', { class: 'buttons left' }, begin),
  );
  files.addEventListener('change', () => {
    fields.setFormat(formatOf(files.files?.[0]?.name ?? ''));
    say(problem, '');
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const chosen = [...(files.files ?? [])];
    const isReplaced = mode.value === 'replace';
    say(problem, '');
    if (isUploading(name)) return say(problem, 'An upload to this list is under way.');
    // Between two files the list would be a part of itself.
    if (isReplaced && chosen.length > 1)
      return say(problem, 'Several files together replace a list by zeef lists import; here they are added.');
    const entries = list?.entryCount ?? 0;
    const says = [
      `${chosen.map((file) => `${file.name} (${bytesWords(file.size)})`).join(', ')}, read as ${format.value}.`,
      `The list holds exactly this file afterwards: its ${entriesWords(entries)} that are not in it match no more.`,
    ];
    if (isReplaced && entries > 0 && !(await confirmed({ title: `Replace ${name}?`, says, verb: 'Replace' }))) return;
    const query = Object.entries({
      format: format.value,
      mode: mode.value,
      kind: list?.kind ?? kind.value,
      algorithm: algorithm.value,
      categories: categories.value.trim(),
      map: map.value.trim(),
      bank: format.value === 'hma' ? bank.value.trim() : '',
    });
    void beginUpload(name, chosen, Object.fromEntries(query.filter(([, value]) => value !== '')));
    files.value = '';
  });
  const element = make('details', { class: 'import' }, make('summary', {}, 'Import a file'), form);
  return {
    element,
    follow(now) {
      list = now;
      kindField.hidden = now !== null;
    },
  };
}

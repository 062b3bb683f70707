/** Dialog of one list: what it is, its source, its versions, and what a person decides on it. It has an address of its own, and follows the service while it is open. */
import { onPlace, placeNow, setPlace } from './address.js';
import { type Answer, change, get, type Refusal, refusalWords } from './api.js';
import { byId, emptiness, make, say } from './dom.js';
import { type Action, actionOf, confirmed, pathOf } from './list-actions.js';
import { browseEntries } from './list-browse.js';
import { entryForm, markedPart } from './list-entries.js';
import { listFacts, sourceFacts, versionTable } from './list-facts.js';
import { heldPart } from './list-held.js';
import { type ImportForm, importForm } from './list-import.js';
import { isUnderWay, jobsPart } from './list-jobs.js';
import { type SettingsForm, settingsForm } from './list-settings.js';
import type { Audited, Job, ListFacts, Marked, Source, Version } from './list-types.js';
import { cancelUpload, isUploading, uploadPart } from './list-uploads.js';
import { refusedWords } from './list-words.js';
import { morph } from './morph.js';

/** Intervals of the refresh: while something runs, and otherwise. */
const BUSY_MS = 2_000;
const IDLE_MS = 10_000;
/** Rows of the audit log that are searched for those who made the versions: the most of one answer. */
const AUDIT_ROWS = 1_000;

const dialog = byId<HTMLDialogElement>('list-dialog');

interface Loaded {
  readonly list: ListFacts | null;
  readonly versions: readonly Version[];
  readonly source: Source | null;
  readonly marked: Marked;
  readonly jobs: readonly Job[];
}
const NONE_MARKED: Marked = { total: 0, entries: [] };

/** The list that is open, and what its reader chose. */
interface Open {
  readonly name: string;
  readonly content: HTMLElement;
  readonly problem: HTMLElement;
  readonly status: HTMLElement;
  readonly form: ImportForm | null;
  readonly settings: SettingsForm | null;
  isActing: boolean;
  isAdmin: boolean;
  isAll: boolean;
  actors: ReadonlyMap<number, string>;
  loaded: Loaded | null;
  asked: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}
let open: Open | null = null;
let isAdmin = false;

/** A list without it is no refusal. */
const orNull = <T>(answer: Answer<T>): Answer<T | null> =>
  !answer.ok && answer.status === 404 ? { ok: true, data: null } : answer;

/** `before`: what is known of it. A list that had no source is not asked for one again: it gets one elsewhere. */
async function load(name: string, before: Loaded | null): Promise<Loaded | Refusal> {
  const path = pathOf(name);
  const [lists, jobs] = await Promise.all([
    get<{ lists: ListFacts[] }>('v1/lists'),
    get<{ jobs: Job[] }>('v1/jobs', { list: name }),
  ]);
  if (!lists.ok) return lists;
  if (!jobs.ok) return jobs;
  const list = lists.data.lists.find((one) => one.list === name) ?? null;
  if (list === null) return { list, versions: [], source: null, marked: NONE_MARKED, ...jobs.data };
  const mayHaveSource = before?.list == null || before.source !== null;
  const [versions, source, marked] = await Promise.all([
    get<{ versions: Version[] }>(`${path}/versions`),
    mayHaveSource ? get<Source>(`${path}/source`).then(orNull) : { ok: true as const, data: null },
    list.quarantinedCount > 0 ? get<Marked>(`${path}/quarantine`) : { ok: true as const, data: NONE_MARKED },
  ]);
  if (!versions.ok) return versions;
  if (!source.ok) return source;
  if (!marked.ok) return marked;
  return { list, versions: versions.data.versions, source: source.data, marked: marked.data, ...jobs.data };
}

/** Return whose each version is, as far back as one answer of the audit log has it. */
async function actorsOf(name: string): Promise<ReadonlyMap<number, string>> {
  const answer = await get<{ entries: Audited[] }>('v1/audit', { limit: AUDIT_ROWS });
  const actors = new Map<number, string>();
  for (const { actor, action, target, details, outcome } of answer.ok ? answer.data.entries : []) {
    const isImport = target === name && outcome === 'done' && ['list.replace', 'list.add'].includes(action);
    // Newest first: a list of the same name, removed since, is not meant.
    if (isImport && typeof details.version === 'number' && !actors.has(details.version))
      actors.set(details.version, actor);
  }
  return actors;
}

const section = (key: string, title: string, ...parts: readonly (HTMLElement | null)[]) =>
  make('section', { 'data-key': key, 'aria-label': title }, make('h3', {}, title), ...parts);

function contentOf({ loaded, isAdmin: mayChange, isAll, actors, name }: Open): HTMLElement {
  if (loaded === null) return make('div', {}, make('p', { class: 'soft' }, 'Loading…'));
  const { list, versions, source, marked, jobs } = loaded;
  const upload = uploadPart(name);
  const imports = [
    upload === null ? null : section('upload', 'Upload', upload),
    jobs.length === 0 ? null : section('jobs', 'Imports', jobsPart(jobs)),
  ];
  if (list === null) return make('div', {}, emptiness(`There is no list ${name}.`, 'An import makes it.'), ...imports);
  const held = versions.find(({ state }) => state === 'held');
  return make(
    'div',
    {},
    listFacts(list, mayChange),
    held === undefined ? null : section('held', 'Held version', heldPart(held, list, mayChange)),
    marked.total === 0 ? null : section('marked', 'Entries with a mark', markedPart(marked, mayChange)),
    source === null ? null : section('source', 'Source', sourceFacts(source, mayChange)),
    ...imports,
    section('versions', 'Versions', versionTable(versions, { actors, isAll, isAdmin: mayChange })),
    mayChange ? null : make('p', { class: 'hint' }, 'Changes need a key with admin.'),
  );
}

function show(shown: Open): void {
  shown.form?.follow(shown.loaded?.list ?? null);
  shown.settings?.follow(shown.loaded?.list ?? null);
  const hadFocus = shown.content.contains(document.activeElement);
  morph(shown.content, contentOf(shown));
  // What had the focus is gone: the dialog keeps it.
  if (hadFocus && !dialog.contains(document.activeElement)) byId('list-dialog-title').focus();
}

const newest = (loaded: Loaded | null) => loaded?.versions[0]?.version ?? 0;

/** Load the open list again, now and later. */
async function refresh(shown: Open): Promise<void> {
  clearTimeout(shown.timer);
  const turn = ++shown.asked;
  const loaded = await load(shown.name, shown.loaded);
  // Closed meanwhile, or asked again.
  if (open !== shown || shown.asked !== turn) return;
  if (!('ok' in loaded)) {
    const isNewer = newest(loaded) !== newest(shown.loaded);
    shown.loaded = loaded;
    if (isNewer && shown.isAdmin) shown.actors = await actorsOf(shown.name);
    if (open !== shown || shown.asked !== turn) return;
    show(shown);
  } else if (loaded.status !== 0 || shown.loaded === null) {
    // The last content stays while the service is unreachable; the line at the top reports it.
    morph(shown.content, make('div', {}, emptiness(...refusalWords(loaded))));
  }
  const { source, jobs } = shown.loaded ?? { source: null, jobs: [] };
  const isBusy = isUploading(shown.name) || jobs.some(isUnderWay) || (source !== null && source.state !== 'idle');
  shown.timer = setTimeout(() => void again(shown), isBusy ? BUSY_MS : IDLE_MS);
}

/** A hidden page sends no requests. */
function again(shown: Open): void {
  if (document.visibilityState === 'visible') void refresh(shown);
  else shown.timer = setTimeout(() => again(shown), BUSY_MS);
}

/** Run a change, show what it changed, and only then say how it ended: the next question names numbers of now. Result: whether it was made. */
async function run(shown: Open, { title, run: begin, done }: Pick<Action, 'title' | 'run' | 'done'>): Promise<boolean> {
  shown.isActing = true;
  say(shown.problem, '');
  say(shown.status, `${title.replace(/\?$/, '')}…`);
  const answer = await begin();
  if (open === shown) await refresh(shown);
  shown.isActing = false;
  say(shown.status, answer.ok ? done : '');
  say(shown.problem, answer.ok ? '' : refusedWords(answer));
  shown.status.parentElement?.scrollIntoView({ block: 'nearest' });
  document.dispatchEvent(new CustomEvent('zeef-changed'));
  return answer.ok;
}

/** Run a change that a person confirms; one at a time. */
async function act(shown: Open, action: Action): Promise<boolean> {
  if (shown.isActing || !(await confirmed(action))) return false;
  return run(shown, action);
}

function requestSync(shown: Open): void {
  if (shown.isActing) return;
  const sync = () => change<Source>('POST', `${pathOf(shown.name)}/source/sync`);
  void run(shown, { title: 'Request a sync', run: sync, done: `The sync of ${shown.name} is requested.` });
}

/** Buttons that ask for no confirmation, by their keys. */
const PLAIN_ACTIONS: Readonly<Record<string, (shown: Open) => unknown>> = {
  sync: requestSync,
  cancel: ({ name }) => cancelUpload(name),
  'all versions': (shown) => {
    shown.isAll = true;
    show(shown);
  },
};

dialog.addEventListener('click', (event) => {
  const key = (event.target as HTMLElement).closest<HTMLElement>('button[data-key]')?.dataset.key;
  if (open === null || key === undefined) return;
  PLAIN_ACTIONS[key]?.(open);
  const action = open.loaded && open.isAdmin ? actionOf(key, open.loaded) : null;
  if (action !== null) void act(open, action);
});
dialog.addEventListener('close', () => {
  // The event comes later than the end: another list may be open by then.
  if (open === null || dialog.open) return;
  clearTimeout(open.timer);
  const { name } = open;
  open = null;
  setPlace({ opened: '' });
  dialog.replaceChildren();
  // Where the table was refreshed meanwhile, its button is another.
  for (const button of document.querySelectorAll<HTMLElement>('#lists button[data-list]'))
    if (button.dataset.list === name) button.focus();
});

/** Open a list, whether there is one of that name or not. */
export function openList(name: string, said = ''): void {
  if (document.querySelector('dialog[open]')) return;
  const content = make('div', { class: 'sheet' });
  const problem = make('p', { class: 'problem', role: 'alert' });
  const status = make('p', { class: 'soft', role: 'status' });
  const entries = make('div');
  const close = make('button', { type: 'button' }, 'Close');
  close.addEventListener('click', () => dialog.close());
  dialog.replaceChildren(
    make('p', { class: 'trouble', role: 'alert', hidden: '' }),
    make('h2', { id: 'list-dialog-title', tabindex: '-1' }, name),
    make('div', { class: 'outcome' }, status, problem),
    content,
    entries,
    make('div', { class: 'buttons' }, close),
  );
  const none: ReadonlyMap<number, string> = new Map();
  const shown: Open = {
    name,
    content,
    problem,
    status,
    form: isAdmin ? importForm(name) : null,
    settings: isAdmin ? settingsForm((action) => act(shown, action), openAs) : null,
    isActing: false,
    isAdmin,
    isAll: false,
    actors: none,
    loaded: null,
    asked: 0,
    timer: undefined,
  };
  open = shown;
  if (shown.form !== null) entries.append(shown.form.element);
  const browse = browseEntries(name, (entryId) => form.open(entryId));
  const form = entryForm(name, isAdmin, (action) => act(shown, action), browse.follow);
  entries.append(form.element, browse.element);
  if (shown.settings !== null) entries.append(shown.settings.element);
  say(status, said);
  setPlace({ opened: name });
  dialog.showModal();
  byId('list-dialog-title').focus();
  show(open);
  void refresh(open);
}

/** Open the list that is open by its new name. */
function openAs(name: string): void {
  dialog.close();
  openList(name, `The list is called ${name} now.`);
}

/** Open the list that the address names. `mayChange`: the key has the scope for changes. */
export function openPlacedList(mayChange: boolean): void {
  isAdmin = mayChange;
  const { opened } = placeNow();
  if (opened !== undefined) openList(opened);
}

onPlace(() => {
  const { opened } = placeNow();
  if (open !== null && opened !== open.name) dialog.close();
  if (opened !== undefined) openPlacedList(isAdmin);
});
document.addEventListener('zeef-upload', (event) => {
  if (open === null || (event as CustomEvent<string>).detail !== open.name) return;
  show(open);
  // What arrived is a job.
  if (!isUploading(open.name)) void refresh(open);
});

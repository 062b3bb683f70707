/** Changes of a list and of its entries, each with what it means for the person who confirms it. */
import { type Answer, change } from './api.js';
import { byId, make, whenClosed } from './dom.js';
import type { ListFacts, Marked, Version } from './list-types.js';
import { entriesWords, shownId } from './list-words.js';
import { count, time } from './words.js';

export interface Action {
  readonly title: string;
  /** What changes. */
  readonly says: readonly string[];
  readonly verb: string;
  /** When it is done. */
  readonly done: string;
  run(): Promise<Answer<unknown>>;
}

/** Ask for a confirmation. The focus begins on *Cancel*. */
export function confirmed({ title, says, verb }: Pick<Action, 'title' | 'says' | 'verb'>): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('confirm-dialog');
  const cancel = make('button', { type: 'button' }, 'Cancel');
  const yes = make('button', { type: 'button', class: 'primary' }, verb);
  dialog.replaceChildren(
    make('h2', { id: 'confirm-dialog-title' }, title),
    ...says.map((words) => make('p', {}, words)),
    make('div', { class: 'buttons' }, cancel, yes),
  );
  return new Promise((resolve) => {
    let isConfirmed = false;
    cancel.addEventListener('click', () => dialog.close());
    yes.addEventListener('click', () => {
      isConfirmed = true;
      dialog.close();
    });
    whenClosed(dialog, () => resolve(isConfirmed));
    dialog.showModal();
    cancel.focus();
  });
}

export const pathOf = (list: string) => `v1/lists/${encodeURIComponent(list)}`;

const changed = ({ added, removed, updated }: Pick<Version, 'added' | 'removed' | 'updated'>) =>
  `${entriesWords(added)} added, ${count(removed)} removed${updated > 0 ? `, ${count(updated)} updated` : ''}.`;

const approval = (list: string, held: Version): Action => ({
  title: `Approve version ${held.version} of ${list}?`,
  says: [
    `It becomes active at once: ${changed(held)}`,
    `What held it: ${held.held.map(({ rule, count: counted }) => `${rule} (${count(counted)})`).join(', ')}.`,
  ],
  verb: 'Approve',
  done: `Version ${held.version} of ${list} is approved.`,
  run: () => change('POST', `${pathOf(list)}/approve?${new URLSearchParams({ importedAt: held.importedAt })}`),
});

const rejection = (list: string, held: Version): Action => ({
  title: `Reject version ${held.version} of ${list}?`,
  says: ['It is discarded, and its file must be imported again to have it back. The active version stays.'],
  verb: 'Reject',
  done: `Version ${held.version} of ${list} is discarded.`,
  run: () => change('POST', `${pathOf(list)}/reject?${new URLSearchParams({ importedAt: held.importedAt })}`),
});

const rollback = (list: string, to: Version): Action => ({
  title: `Roll ${list} back to version ${to.version}?`,
  says: [
    `The list has the entries of ${time(to.importedAt)} again, as a new version; what was imported since is undone.`,
    'Entries that were disabled stay so. Another rollback undoes it.',
  ],
  verb: 'Roll back',
  done: `${list} is rolled back to version ${to.version}.`,
  run: () => change('POST', `${pathOf(list)}/rollback`, { version: to.version }),
});

const enabling = ({ list, enabled, entryCount, kind }: ListFacts): Action => ({
  title: `${enabled ? 'Disable' : 'Enable'} ${list}?`,
  says: [
    enabled
      ? `Its ${entriesWords(entryCount)} ${kind === 'match' ? 'match' : 'suppress'} nothing until it is enabled again.`
      : `Its ${entriesWords(entryCount)} ${kind === 'match' ? 'match' : 'suppress'} again, at once.`,
  ],
  verb: enabled ? 'Disable' : 'Enable',
  done: `${list} is ${enabled ? 'disabled' : 'enabled'}.`,
  run: () => change('PATCH', pathOf(list), { enabled: !enabled }),
});

const ENTRY_CHANGES = ['quarantine', 'release', 'disable', 'enable', 'remove'] as const;
export type EntryChange = (typeof ENTRY_CHANGES)[number];
export const ENTRY_VERBS: Readonly<Record<EntryChange, string>> = {
  quarantine: 'Quarantine',
  release: 'Release',
  disable: 'Disable',
  enable: 'Enable',
  remove: 'Remove',
};
const ENTRY_SAYS: Readonly<Record<EntryChange, string>> = {
  quarantine: 'Its matches, exact ones too, are reported as suppressed and do not count as hits, until it is released.',
  release: 'Its matches count again, without a mark.',
  disable: 'It matches nothing, also after later imports, until it is enabled again.',
  enable: 'It matches again, at once.',
  remove:
    'It is gone from the list, and comes back with the next import that has it. To keep it out, disable it instead.',
};
const ENTRY_DONE: Readonly<Record<EntryChange, string>> = {
  quarantine: 'quarantined',
  release: 'released',
  disable: 'disabled',
  enable: 'enabled',
  remove: 'removed',
};

export function entryAction(list: string, entryId: string, what: EntryChange): Action {
  const at = new URLSearchParams({ list, entryId }).toString();
  const path = `${pathOf(list)}/entries/${encodeURIComponent(entryId)}`;
  const runs: Readonly<Record<EntryChange, Action['run']>> = {
    quarantine: () => change('POST', 'v1/suppressions', { list, entryId }),
    release: () => change('DELETE', `v1/suppressions?${at}`),
    disable: () => change('PATCH', path, { enabled: false }),
    enable: () => change('PATCH', path, { enabled: true }),
    remove: () => change('DELETE', path),
  };
  return {
    title: `${ENTRY_VERBS[what]} ${shownId(entryId)} of ${list}?`,
    says: [ENTRY_SAYS[what]],
    verb: ENTRY_VERBS[what],
    done: `${shownId(entryId)} of ${list} is ${ENTRY_DONE[what]}.`,
    run: runs[what],
  };
}

/** Return what the button with this key does to the list; null: nothing. */
export function actionOf(
  key: string,
  { list, versions, marked }: { list: ListFacts | null; versions: readonly Version[]; marked: Marked },
): Action | null {
  if (list === null) return null;
  const [what, which] = key.split(' ');
  const held = versions.find(({ state }) => state === 'held');
  const version = versions.find((one) => String(one.version) === which);
  const entry = marked.entries[Number(which)];
  if (what === 'approve' && held) return approval(list.list, held);
  if (what === 'reject' && held) return rejection(list.list, held);
  if (what === 'rollback' && version) return rollback(list.list, version);
  if (what === 'switch') return enabling(list);
  const change = ENTRY_CHANGES.find((one) => one === what);
  return change && entry ? entryAction(list.list, entry.entryId, change) : null;
}

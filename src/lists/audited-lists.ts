/** Audited changes of lists: each is between its two rows of the audit log. */

import { type Audit, type AuditedOperation, overrideMethods, type WithAudit } from '../audit/audit.js';
import type { AuditDetails } from '../store/audit-contract.js';
import type {
  EntryFilter,
  ImportReport,
  ListAdmin,
  ListFeed,
  ListReader,
  ListStore,
  SourceInfo,
  WriteOptions,
} from '../store/lists-contract.js';

/** Convert nested facts, such as a provider's terms, to text. */
const flat = (facts: object): AuditDetails =>
  Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [
      name,
      fact !== null && typeof fact === 'object' ? JSON.stringify(fact) : fact,
    ]),
  );

interface AuditedImport {
  readonly list: string;
  readonly mode?: 'replace' | 'add' | undefined;
  readonly origin?: string | null | undefined;
  readonly create?: WriteOptions['create'] | undefined;
}

const importOperation = ({
  list,
  mode = 'replace',
  origin = null,
  create,
}: AuditedImport): AuditedOperation<ImportReport> => ({
  action: `list.${mode}`,
  target: list,
  details: { origin, ...(create ? flat(create) : {}) },
  detailsOf: ({ version, accepted, rejected, added, removed, held }) => ({
    details: { version, accepted, rejected, added, removed, held: held.map(({ rule }) => rule).join(' ') || null },
  }),
});

/** Audit an import that runs elsewhere, such as in a thread of its own. Errors as `Audit.withAudit`. */
export function auditedImport(
  audit: Audit,
  actor: string,
  what: AuditedImport,
  act: () => Promise<ImportReport>,
): Promise<ImportReport> {
  return audit.withAudit(actor, importOperation(what), act);
}

/** A source without the state of its syncs. */
const settingsOf = (source: SourceInfo | null) =>
  source && { ...source, checkpoint: null, syncedAt: null, requestedAt: null, lastTry: null };

const sourceDetails = (source: SourceInfo | null): AuditDetails =>
  source
    ? {
        type: source.type,
        host: new URL(source.url).host,
        everyMinutes: source.everyMinutes,
        secrets: Object.keys(source.secrets).join(' ') || null,
      }
    : {};

const filterDetails = (which: EntryFilter): AuditDetails => ({ ...which });

const READS = [
  'lists',
  'list',
  'versions',
  'versionRows',
  'source',
  'entry',
  'entryKeys',
  'entryPage',
  'quarantined',
  'verify',
  'generation',
  'changes',
  'entriesByKeys',
  'hasEntrySince',
] as const satisfies readonly (keyof ListReader | keyof ListFeed)[];

export function auditedLists(lists: ListStore, withAudit: WithAudit): ListStore {
  const changed: ListAdmin = {
    createList(list) {
      const { list: target, ...settings } = list;
      return withAudit({ action: 'list.create', target, details: flat(settings) }, () => lists.createList(list));
    },
    updateList: (name, change) =>
      withAudit({ action: 'list.update', target: name, details: flat(change) }, () => lists.updateList(name, change)),
    renameList: (name, to, sourceAs) =>
      withAudit({ action: 'list.rename', target: name, details: { name: to } }, () =>
        lists.renameList(name, to, sourceAs),
      ),
    removeList: (name) => withAudit({ action: 'list.remove', target: name }, () => lists.removeList(name)),
    replaceEntries: (name, rows, options = {}) =>
      withAudit(importOperation({ list: name, mode: 'replace', ...options }), () =>
        lists.replaceEntries(name, rows, options),
      ),
    addEntries: (name, rows, options = {}) =>
      withAudit(importOperation({ list: name, mode: 'add', ...options }), () => lists.addEntries(name, rows, options)),
    async setSource(name, source, options) {
      const set = () => lists.setSource(name, source, options);
      const before = await lists.source(name);
      if (JSON.stringify(settingsOf(before)) !== JSON.stringify(settingsOf(source)))
        return withAudit({ action: 'list.source', target: name, details: sourceDetails(source) }, set);
      // Moving a sync's checkpoint is not an audited change.
      const isRequest = source !== null && before?.requestedAt !== source.requestedAt;
      return isRequest ? withAudit({ action: 'list.sync', target: name }, set) : set();
    },
    dropHeld: (name, importedAt) =>
      withAudit({ action: 'list.reject', target: name }, () => lists.dropHeld(name, importedAt)),
    changeEntries: (name, which, change) =>
      withAudit(
        {
          action: `entries.${change}`,
          target: name,
          // An unknown id may be a value that was sent in place of an id.
          detailsOf: (entries) => ({ details: entries > 0 ? { ...filterDetails(which), entries } : { entries } }),
        },
        () => lists.changeEntries(name, which, change),
      ),
  };
  return overrideMethods(lists, READS, changed);
}

/** Lists: what they hold, how it gets there, and what must not count. */
import { EMPTY, LEDGER, type Operation } from './operation.js';

const LIST = ['LIST_NOT_FOUND', 'STORE_FAILED'] as const;

const LISTS: Readonly<Record<string, Operation>> = {
  'GET /v1/lists': {
    tag: 'Lists',
    id: 'listLists',
    about:
      'All lists, also disabled and expired ones, with what needs the attention of a person: rejected rows, entries in quarantine, versions that are held.',
    answers: { 200: 'The lists, by name.' },
    errors: ['STORE_FAILED'],
  },
  'POST /v1/lists': {
    tag: 'Lists',
    id: 'createList',
    about:
      'An import makes its list by itself; create one to choose its settings first. `kind` cannot be changed later.',
    answers: { 201: 'The new list.' },
    errors: ['STORE_FAILED'],
  },
  'GET /v1/lists/{list}': {
    tag: 'Lists',
    id: 'getList',
    about: 'The settings and the size of one list.',
    answers: { 200: 'The list.' },
    errors: LIST,
  },
  'PATCH /v1/lists/{list}': {
    tag: 'Lists',
    id: 'changeList',
    about:
      'Fields that are not sent stay as they are. The change holds for every check that begins after the answer. `name` stands alone: what the list has follows it, while hits and figures keep the name of their time.',
    answers: { 200: 'The list after the change.' },
    errors: [...LIST, 'INDEX_FULL', 'LIST_BUSY'],
  },
  'DELETE /v1/lists/{list}': {
    tag: 'Lists',
    id: 'removeList',
    about: 'Removes the entries and all versions; this cannot be undone. Hits of the list stay in the ledger.',
    answers: { 204: EMPTY },
    errors: LIST,
  },
  'GET /v1/lists/{list}/versions': {
    tag: 'Lists',
    id: 'listVersions',
    about:
      'Each import makes a version. One that fails a review is `held`: it is not in force until a person approves it.',
    answers: { 200: 'The versions, newest first.' },
    errors: LIST,
  },
  'POST /v1/lists/{list}/approve': {
    tag: 'Lists',
    id: 'approveVersion',
    about: 'Puts the held version in force, before the answer.',
    answers: { 200: 'The report of the import.' },
    errors: [...LIST, 'NOT_FOUND', 'INDEX_FULL'],
  },
  'POST /v1/lists/{list}/reject': {
    tag: 'Lists',
    id: 'rejectVersion',
    about: 'The version in force stays.',
    answers: { 204: EMPTY },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'POST /v1/lists/{list}/rollback': {
    tag: 'Lists',
    id: 'rollBackList',
    about: 'The earlier version becomes a new one, with its own number. `NOT_FOUND`: the version is no longer kept.',
    answers: { 200: 'The changes, as the report of an import.' },
    errors: [...LIST, 'NOT_FOUND', 'INDEX_FULL'],
  },
  'GET /v1/lists/{list}/quarantine': {
    tag: 'Lists',
    id: 'listMarkedEntries',
    about:
      'Matches of a quarantined entry are reported and do not count; one that a flood marked counts, and waits for a decision.',
    answers: { 200: 'The marked entries, the first thousand, and how many there are.' },
    errors: LIST,
  },
  'GET /v1/lists/{list}/entries': {
    tag: 'Lists',
    id: 'listEntries',
    about:
      'The ids of a list, disabled entries too, each once, in the order of their bytes in UTF-8. An id that may be a value of the list is null. Pages: send the `cursor` of an answer for the next page; null ends them. ' +
      'A page shows the marks of the first hundred values of each entry.',
    answers: { 200: 'One page of entries.' },
    errors: LIST,
  },
  'GET /v1/lists/{list}/entries/{entryId}': {
    tag: 'Lists',
    id: 'getEntry',
    about:
      'What a list has under one id: the algorithms and marks of its values; with the scope `details` also category, source, dates, tags and notes.',
    answers: { 200: 'The entry, without its values.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'PATCH /v1/lists/{list}/entries/{entryId}': {
    tag: 'Lists',
    id: 'changeEntry',
    about: 'A disabled entry matches nothing, and stays disabled when a later import has it again.',
    answers: { 200: 'How many values of the entry changed.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'DELETE /v1/lists/{list}/entries/{entryId}': {
    tag: 'Lists',
    id: 'removeEntry',
    about: 'To keep an entry of a published list out, disable it instead: the next import would bring it again.',
    answers: { 200: 'How many values were removed.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'POST /v1/lists/{list}/contents': {
    tag: 'Lists',
    id: 'addContent',
    about:
      'Adds an entry with these values. The same values may be added again, as another entry. Nothing waits for approval: where a review would hold the entry it is refused.',
    answers: { 201: 'The entry, with its number.' },
    errors: [...LIST, 'VALUE_INVALID', 'ENTRY_REFUSED'],
  },
  'GET /v1/lists/{list}/contents/{contentId}': {
    tag: 'Lists',
    id: 'getContent',
    about: 'Entries of imports have a number too, and no note of a client.',
    answers: { 200: 'The entry, without its values.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'PATCH /v1/lists/{list}/contents/{contentId}': {
    tag: 'Lists',
    id: 'changeContent',
    about:
      'An entry that does not count is still found: its matches are suppressed, and reported as such. A time that was set stays when a later import has the entry again.',
    answers: { 200: 'The entry as it is now.' },
    errors: [...LIST, 'NOT_FOUND', 'ENTRY_REFUSED'],
  },
  'DELETE /v1/lists/{list}/contents/{contentId}': {
    tag: 'Lists',
    id: 'removeContent',
    about: 'As the removal of the entry by its id.',
    answers: { 204: 'It is removed.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
};

const IMPORTS: Readonly<Record<string, Operation>> = {
  'POST /v1/lists/{list}/entries': {
    tag: 'Imports',
    id: 'importEntries',
    about: 'The body is the file as it was published; `format` says how to read it. A missing list is made.',
    answers: {
      200: 'Imported and in force.',
      202: 'A job that is not done, or whose version is held for review: follow it at `Location`.',
    },
    errors: [
      'BODY_EMPTY',
      'HASHLIST_INVALID',
      'LEASE_LOST',
      'STORE_FAILED',
      'INDEX_FULL',
      'QUEUE_FULL',
      'SHUTTING_DOWN',
    ],
  },
  'POST /v1/lists/{list}/images': {
    tag: 'Imports',
    id: 'addImage',
    about: [
      'The image is decoded and hashed, and not kept: its digests and PDQ hashes become one entry, whose id is in the answer. An image that the list has already keeps its id. With `variants`, hashes of ' +
        'parts of it are added too, so that cropped and rotated copies match in a plain check.',
      'It is for lists of kind `match` that exist. One that cannot be decoded is an error, and nothing is added.',
    ].join('\n\n'),
    answers: { 200: 'Added, and in force.', 202: 'Its version is held for review: `held` says why.' },
    errors: [
      ...LIST,
      'BODY_EMPTY',
      'IMAGE_NOT_AN_IMAGE',
      'IMAGE_CORRUPT',
      'LEASE_LOST',
      'INDEX_FULL',
      'QUEUE_FULL',
      'DECODER_UNAVAILABLE',
      'SHUTTING_DOWN',
    ],
  },
  'GET /v1/jobs/{id}': {
    tag: 'Imports',
    id: 'getJob',
    about:
      'Ask again until `state` is `done`, `held` or `failed`; `bytesDone` of `bytes` is the progress, and `rowsRead` the rows.',
    answers: { 200: 'The job.' },
    errors: ['NOT_FOUND', 'STORE_FAILED'],
  },
  'GET /v1/jobs': {
    tag: 'Imports',
    id: 'listJobs',
    about: 'The imports of all lists, or of one, that were handed over by HTTP.',
    answers: { 200: 'The jobs, newest first.' },
    errors: ['STORE_FAILED'],
  },
};

const SOURCES: Readonly<Record<string, Operation>> = {
  'GET /v1/lists/{list}/source': {
    tag: 'List sources',
    id: 'getSource',
    about: 'Where the list is fetched from, how often, and how the last sync ended.',
    answers: { 200: 'The source.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'PUT /v1/lists/{list}/source': {
    tag: 'List sources',
    id: 'setSource',
    about:
      'Sets the whole source: settings and secrets that are not sent are removed. A secret is `{"value": ...}`, stored sealed, or `{"env": ...}`, a variable of the service ' +
      'that begins with `SOURCE_`. It is never returned.',
    answers: { 200: 'The source.' },
    errors: LIST,
  },
  'DELETE /v1/lists/{list}/source': {
    tag: 'List sources',
    id: 'removeSource',
    about: 'The list is no longer fetched.',
    answers: { 204: EMPTY },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'POST /v1/lists/{list}/source/sync': {
    tag: 'List sources',
    id: 'syncSource',
    about: 'Does not wait for `everyMinutes`.',
    answers: { 202: 'The source; its sync is requested.' },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'GET /v1/lists/{list}/feedback': {
    tag: 'List sources',
    id: 'listFeedback',
    about:
      'Sums of the decisions on hits, for the publisher of the list. Pages: send the `cursor` of an answer for the next page; null ends them.',
    answers: { 200: 'One page of feedback, by entry and algorithm.' },
    errors: [...LIST, ...LEDGER],
  },
  'POST /v1/lists/{list}/feedback': {
    tag: 'List sources',
    id: 'sendFeedback',
    about: 'Publishers that take feedback by a call: NCMEC and StopNCII. Each verdict is sent once.',
    answers: { 200: 'What was sent and refused, and what is still due.' },
    errors: [...LIST, 'NOT_FOUND', 'SOURCE_FAILED', 'SHUTTING_DOWN', ...LEDGER],
  },
};

const SUPPRESSIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/suppressions': {
    tag: 'Suppressions',
    id: 'listSuppressions',
    about: 'A value that was added here has an `id`; an entry of a list in quarantine has `list` and `entryId`.',
    answers: { 200: 'The suppressions.' },
    errors: ['STORE_FAILED'],
  },
  'POST /v1/suppressions': {
    tag: 'Suppressions',
    id: 'addSuppression',
    about:
      'A match of a suppressed value or entry is still reported, and marked `suppressed`; where all matches are, so is the verdict. Active before the answer.',
    answers: { 201: 'The id of a suppressed value, or the number of suppressed entries.' },
    errors: [...LIST, 'NOT_FOUND', 'VALUE_INVALID', 'PHOTODNA_UNCONFIGURED'],
  },
  'DELETE /v1/suppressions/{id}': {
    tag: 'Suppressions',
    id: 'removeSuppression',
    about: 'For a value that was added to the suppressions. Active before the answer.',
    answers: { 204: EMPTY },
    errors: [...LIST, 'NOT_FOUND'],
  },
  'DELETE /v1/suppressions': {
    tag: 'Suppressions',
    id: 'releaseEntry',
    about:
      'For an entry that was suppressed, or put in quarantine by a person or by the service. Its matches count again.',
    answers: { 204: EMPTY },
    errors: [...LIST, 'NOT_FOUND'],
  },
};

/** By method and path. */
export const LIST_OPERATIONS: Readonly<Record<string, Operation>> = {
  ...LISTS,
  ...IMPORTS,
  ...SOURCES,
  ...SUPPRESSIONS,
};

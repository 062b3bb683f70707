/** Names of the objects in requests and answers, so that a generator makes one type of each: `components.schemas`. */
import type { ApiDocument, DocumentedOperation, Media, Schema } from './shapes.js';

/**
 * By a place where the object is: the operation, `>` for its request, `#2` for the second of several forms, then the fields. An
 * object of the same form has the name at every other place, too.
 */
export const NAMES: Readonly<Record<string, string>> = {
  'checkImage#1': 'CheckedImage',
  'checkImage#2': 'CheckedFiles',
  'checkImage#1.digests': 'Digests',
  'checkImage#1.image': 'ImageFacts',
  'checkImage#1.pdq': 'PdqHash',
  'checkImage#1.matches': 'Match',
  'checkImage#1.matches.window': 'MatchedWindow',
  'checkImage#1.matches.window.rectangle': 'Rectangle',
  'checkImage#2.error': 'ItemError',
  'checkImage>': 'ImageAddress',
  'checkHashes>': 'HashesToCheck',
  'checkHashes>.items': 'HashItem',
  'checkHashes>.items.hashes': 'FileHash',
  'checkHashes>.items.hashes.window': 'HashedWindow',
  'checkHashes#1': 'CheckedHashes',
  'checkHashes#1.results': 'CheckedItem',
  'checkHashes#2': 'CheckedValues',
  'checkHashes#2.results': 'MatchedValue',
  'getImageVerdict#1': 'ImageVerdict',
  'getImageVerdict#2': 'FilesVerdict',
  getHashVerdict: 'HashVerdict',
  checkHash: 'CheckedHash',
  'compareHashes>': 'HashesToCompare',
  compareHashes: 'Comparison',
  'explainCheck>': 'HashToExplain',
  explainCheck: 'Explanation',
  'explainCheck.searched': 'SearchedParts',
  'explainCheck.searched.windows': 'SearchedWindows',
  'explainCheck.lists': 'ExplainedList',
  'explainCheck.lists.entries': 'ExplainedEntry',
  hashImage: 'HashedImage',
  'hashImage.views': 'HashedView',
  listHits: 'HitPage',
  'listHits.hits': 'Hit',
  'listHits.hits.matches': 'HitMatch',
  'listHits.hits.history': 'HitDecision',
  'listHits.hits.history.key': 'KeyName',
  'listHits.hits.handling': 'HitHandling',
  'listHits.hits.clock': 'TakedownClock',
  'listHits.hits.clock.deadlines': 'Deadline',
  'listHits.hits.suppression': 'HitSuppression',
  'searchHits>': 'HitSearch',
  'changeHit>': 'HitChange',
  getStats: 'Stats',
  'getStats.series': 'Totals',
  getReport: 'Report',
  'getReport.reversals': 'Reversals',
  'getReport.takedown': 'TakedownFigures',
  'getReport.takedown.byTenant': 'TenantTakedownFigures',
  'getReport.takedown.within': 'WithinHours',
  'getReport.byTenant': 'TenantTotals',
  'listLists.lists': 'ListHealth',
  getList: 'List',
  'createList>': 'NewList',
  'changeList>': 'ListChange',
  'listVersions.versions': 'ListVersion',
  'listVersions.versions.held': 'HoldReason',
  'listVersions.versions.held.firstRows': 'HeldRow',
  'listVersions.versions.held.firstRows.near': 'NearValue',
  approveVersion: 'ImportReport',
  'approveVersion.firstRejected': 'RejectedRow',
  listEntries: 'EntryPage',
  'listEntries.entries': 'EntryLine',
  listMarkedEntries: 'MarkedEntries',
  getEntry: 'Entry',
  'getEntry.values': 'EntryValue',
  changeEntry: 'ChangedEntries',
  'addContent>': 'NewContent',
  'changeContent>': 'ContentChange',
  getContent: 'Content',
  addImage: 'AddedImage',
  getJob: 'ImportJob',
  'getJob.report': 'JobReport',
  'getJob.report.hma': 'HmaFacts',
  'getJob.error': 'JobError',
  getSource: 'ListSource',
  'getSource.lastTry': 'SourceTry',
  'getSource.secrets': 'SourceSecret',
  'setSource>': 'NewListSource',
  'setSource>.secrets': 'SourceSecrets',
  listFeedback: 'FeedbackPage',
  'listFeedback.feedback': 'Feedback',
  'listFeedback.feedback.sent': 'SentFeedback',
  sendFeedback: 'FeedbackRun',
  'sendFeedback.next': 'DueFeedback',
  'sendFeedback.refused': 'RefusedFeedback',
  'listSuppressions.suppressions': 'Suppression',
  'listKeys.keys': 'ApiKey',
  createKey: 'CreatedKey',
  'createKey>': 'NewKey',
  rotateKey: 'RotatedKey',
  'rotateKey>': 'KeyRotation',
  'listTenants.tenants': 'Tenant',
  'listTenants.tenants.alarm': 'TenantAlarm',
  'listTenants.tenants.limits': 'TenantLimits',
  'listTenants.tenants.today': 'TenantDay',
  'changeTenant>': 'TenantChange',
  'changeTenant>.limits': 'TenantLimitsChange',
  listAuditEntries: 'AuditPage',
  'listAuditEntries.entries': 'AuditEntry',
  'listWebhooks.webhooks': 'Webhook',
  'addWebhook>': 'NewWebhook',
  'listDeadEvents.events': 'DeadEvent',
  pingWebhook: 'QueuedEvents',
  whoAmI: 'Caller',
  'whoAmI.key': 'CallerKey',
  getStatus: 'Status',
  'getStatus.pace': 'Pace',
  'getStatus.pace.series': 'PaceInterval',
  'listReplicas.replicas': 'Replica',
  getReadiness: 'Readiness',
  'getReadiness.decoder': 'DecoderState',
};

/** What a place says of an object, beside its form. */
const ABOUT_PLACE = ['title', 'description', 'examples'] as const;
const formOf = (schema: Schema) => JSON.stringify(withoutPlace(schema));

function withoutPlace(schema: Schema): Schema {
  const form = { ...schema };
  for (const name of ABOUT_PLACE) delete form[name];
  return form;
}

const isObject = ({ type, properties }: Schema) => type === 'object' && properties !== undefined;

/** Call `visit` with the object at each place inside a schema. */
function eachObject(schema: Schema, place: string, visit: (place: string, schema: Schema) => void): void {
  const { properties = {}, anyOf = [], items, additionalProperties } = schema;
  if (isObject(schema)) visit(place, schema);
  for (const [name, field] of Object.entries(properties)) eachObject(field, `${place}.${name}`, visit);
  const forms = anyOf.filter(isObject);
  for (const form of anyOf) {
    const at = forms.indexOf(form);
    eachObject(form, forms.length > 1 && at >= 0 ? `${place}#${at + 1}` : place, visit);
  }
  if (items !== undefined) eachObject(items, place, visit);
  if (typeof additionalProperties === 'object') eachObject(additionalProperties, place, visit);
}

/** Files of a form are chosen from the disk; an error has its form already. */
const OWN_FORM = ['multipart/form-data', 'application/problem+json'];

/** Return the media of an operation whose schemas are named, with the places of these. */
function mediaOf({ operationId, requestBody, responses }: DocumentedOperation): (readonly [string, Media])[] {
  const of = (place: string, content: Record<string, Media> = {}) =>
    Object.entries(content)
      .filter(([type]) => !OWN_FORM.includes(type))
      .map(([, media]) => [place, media] as const);
  return [
    ...of(`${operationId}>`, requestBody?.content),
    ...Object.values(responses).flatMap(({ content }) => of(operationId, content)),
  ];
}

/** Replace the objects that have a name by references, in place. Result: the objects, by name. */
export function nameObjects(document: ApiDocument): Record<string, Schema> {
  const media = Object.values(document.paths ?? {}).flatMap((methods) => Object.values(methods).flatMap(mediaOf));
  const names = new Map<string, string>();
  for (const [place, { schema = {} }] of media)
    eachObject(schema, place, (at, object) => {
      const name = NAMES[at];
      if (name !== undefined && ![...names.values()].includes(name)) names.set(formOf(object), name);
    });
  const named: Record<string, Schema> = {};
  const replaced = (schema: Schema): Schema => {
    const inner = { ...schema };
    const { properties, anyOf, items, additionalProperties } = schema;
    if (properties !== undefined)
      inner.properties = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, replaced(field)]));
    if (anyOf !== undefined) inner.anyOf = anyOf.map(replaced);
    if (items !== undefined) inner.items = replaced(items);
    if (typeof additionalProperties === 'object') inner.additionalProperties = replaced(additionalProperties);
    const name = isObject(schema) ? names.get(formOf(schema)) : undefined;
    if (name === undefined) return inner;
    named[name] ??= withoutPlace(inner);
    const { description } = schema;
    return { $ref: `#/components/schemas/${name}`, ...(description === undefined ? {} : { description }) };
  };
  for (const [, one] of media) if (one.schema !== undefined) one.schema = replaced(one.schema);
  const order = Object.values(NAMES);
  return Object.fromEntries(Object.entries(named).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)));
}

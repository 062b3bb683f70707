/** Completes the document that is made of the routes' schemas: bodies, descriptions, examples, headers and errors. */
import { ERRORS, type ErrorCode } from '../../core/errors.js';
import { Problem } from '../schemas.js';
import { ANSWERS } from './answers.js';
import { describeFields, describeParameter, exampleOf, type Place } from './describe-fields.js';
import { errorsOf, PROBLEMS } from './errors.js';
import { nameObjects } from './names.js';
import type { Operation } from './operations/operation.js';
import { OPERATIONS } from './operations.js';
import { REQUESTS } from './requests.js';
import type { Answer, ApiDocument, DocumentedOperation, Media, Schema } from './shapes.js';

const HEADERS = {
  RequestId: { description: 'Id of the request, as in the log of the service.', schema: { type: 'string' } },
  RetryAfter: {
    description: 'Seconds after which the same request may succeed.',
    schema: { type: 'integer', minimum: 0 },
  },
  WwwAuthenticate: { description: '`Bearer`.', schema: { type: 'string' } },
};

/** Scope of routes whose key is in the path, which no requirement of the document has. */
const KEY_IN_PATH_SCOPE = 'check';

/** Every part is a copy of its own, also where two are one object. */
const cloned = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function completeMedia(media: Media, place: Place): void {
  if (media.schema === undefined) return;
  const schema = media.schema as Schema;
  describeFields(schema, place);
}

function completeRequest(operation: DocumentedOperation, place: Place): void {
  const request = REQUESTS[place.id];
  if (request === undefined) return;
  const { content = {} } = operation.requestBody ?? {};
  const completed: Record<string, Media> = {};
  for (const [type, media] of Object.entries(request.content)) {
    completed[type] = { ...content[type], ...cloned(media) };
    completeMedia(completed[type], place);
  }
  operation.requestBody = { description: request.description, required: request.required ?? true, content: completed };
}

/** An example, or one of each form that an answer can have. */
function examplesOf(schema: Schema, place: Place): Pick<Media, 'example' | 'examples'> {
  const forms = schema.anyOf ?? [];
  if (forms.length === 0) return { example: exampleOf(schema, place) };
  const examples = forms.map((form, at) => [
    `form${at + 1}`,
    { summary: form.title ?? '', value: exampleOf(form, place) },
  ]);
  return { examples: Object.fromEntries(examples) };
}

function completeAnswer(answer: Answer, description: string, more: Omit<Answer, 'description'>, place: Place): Answer {
  const content: Record<string, Media> = { ...answer.content };
  for (const [type, media] of Object.entries(cloned(more.content ?? {})))
    content[type] = { ...content[type], ...media };
  for (const media of Object.values(content)) {
    completeMedia(media, place);
    const isShown = media.example !== undefined || media.examples !== undefined;
    if (!isShown && media.schema !== undefined) Object.assign(media, examplesOf(media.schema as Schema, place));
  }
  const headers = { 'x-request-id': { $ref: '#/components/headers/RequestId' }, ...more.headers };
  return { description, headers, ...(Object.keys(content).length > 0 ? { content } : {}) };
}

/** Return an answer that has an error of the same status beside it: their media types differ. */
function joined(answer: Answer, error: Answer | undefined): Answer {
  if (error === undefined) return answer;
  return {
    description: `${answer.description}\n\n${error.description}`,
    headers: { ...error.headers, ...answer.headers },
    content: { ...answer.content, ...error.content },
  };
}

function completeOperation(operation: DocumentedOperation, about: Operation): void {
  const place = { id: about.id, tag: about.tag };
  for (const parameter of operation.parameters ?? []) describeParameter(parameter, place);
  completeRequest(operation, place);
  const scope =
    operation.security?.find(({ key = [] }) => key.length > 0)?.key?.[0] ?? (about.keyInPath && KEY_IN_PATH_SCOPE);
  const errors = errorsOf({ operation: about, scope, hasBody: operation.requestBody !== undefined });
  const answers = Object.entries(about.answers).map(([status, description]): [string, Answer] => {
    const answer = operation.responses[status] ?? { description };
    return [status, completeAnswer(answer, description, ANSWERS[about.id]?.[status] ?? {}, place)];
  });
  for (const error of Object.values(errors))
    error.headers = { 'x-request-id': { $ref: '#/components/headers/RequestId' }, ...error.headers };
  operation.responses = {
    ...errors,
    ...Object.fromEntries(answers.map(([status, answer]) => [status, joined(answer, errors[status])])),
  };
}

/** The form of every error. */
function problemSchema(): Schema {
  const schema = cloned(Problem as unknown as Schema);
  describeFields(schema, { id: 'problem', tag: 'problem' });
  const codes = Object.keys(ERRORS) as ErrorCode[];
  schema.properties!.code!.enum = codes;
  return schema;
}

/** The place of a path in the table of operations. */
function placeOf(path: string): number {
  return Object.keys(OPERATIONS).findIndex((route) => route.endsWith(` ${path}`));
}

/** Complete the document in place, in the order of the table, and return it. */
export function complete<T extends ApiDocument>(document: T): T {
  const paths = Object.entries(document.paths ?? {}).sort(([a], [b]) => placeOf(a) - placeOf(b));
  document.paths = Object.fromEntries(paths);
  for (const [path, methods] of paths)
    for (const [method, operation] of Object.entries(methods)) {
      const about = OPERATIONS[`${method.toUpperCase()} ${path}`];
      if (about !== undefined) completeOperation(operation, about);
    }
  const named = nameObjects(document);
  const text = JSON.stringify(document.paths);
  document.components = {
    ...document.components,
    headers: HEADERS,
    // Of the codes that are in an answer over HTTP.
    examples: Object.fromEntries(Object.entries(PROBLEMS).filter(([code]) => text.includes(`/examples/${code}"`))),
    schemas: { Problem: problemSchema(), ...named },
  };
  return document;
}

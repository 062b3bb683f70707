/** The parts of an OpenAPI document that are read and completed here. */
export interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  format?: string;
  title?: string;
  description?: string;
  examples?: readonly unknown[];
  required?: readonly string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: readonly Schema[];
  additionalProperties?: Schema | boolean;
}

export interface Media {
  schema?: Schema | object;
  example?: unknown;
  /** By name; of errors by reference. */
  examples?: Readonly<
    Record<string, { readonly summary?: string; readonly value: unknown } | { readonly $ref: string }>
  >;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  description?: string;
  example?: unknown;
  schema: Schema;
}

export interface Answer {
  description: string;
  headers?: Record<string, object>;
  content?: Record<string, Media>;
}

export interface DocumentedOperation {
  readonly operationId: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  requestBody?: { description?: string; required?: boolean; content: Record<string, Media> };
  responses: Record<string, Answer>;
}

export interface ApiDocument {
  components?: Record<string, Record<string, object> | undefined>;
  paths?: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
}

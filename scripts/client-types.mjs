// Makes the types of the client from the document of the API.
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const { factory } = ts;
const named = (name) => factory.createTypeReferenceNode(name);
/** What `fetch` sends as it is. */
const BINARY = factory.createUnionTypeNode(
  ['Uint8Array', 'ArrayBuffer', 'Blob', 'ReadableStream'].map((name) => named(name)),
);

/** Return the types as the text of a `.d.ts`. Bodies of bytes, and forms, are what `fetch` takes. */
export async function typesOf(document) {
  const nodes = await openapiTS(structuredClone(document), {
    transform: ({ format }, { path = '' }) => {
      if (format === 'binary') return BINARY;
      return /multipart~1form-data$/.test(path) ? named('FormData') : undefined;
    },
    silent: true,
  });
  return `// Made from the document of the API by scripts/client-types.mjs.\n${astToString(nodes)}`;
}

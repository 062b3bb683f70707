/**
 * Validation of requests against their schemas. Values of an address are text, and are coerced to the schema's type. Values of
 * a JSON body are never coerced: null is not 0, and "false" is not a boolean.
 */
import AjvCompiler from '@fastify/ajv-compiler';
import type { AnySchema } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import type { FastifyValidationResult } from 'fastify/types/schema.js';

type Build = AjvCompiler.BuildCompilerFromPool;
type Ajv = Parameters<NonNullable<NonNullable<Parameters<Build>[1]>['onCreate']>>[0];

/** Refuse leap seconds: RFC 3339 allows them, and `Date` does not. */
function onlyTimesOfDate(ajv: Ajv): void {
  const known = ajv.formats['date-time'];
  if (typeof known !== 'object' || known instanceof RegExp || typeof known.validate !== 'function')
    throw new TypeError('unexpected date-time format in ajv');
  const isTime = known.validate as (text: string) => boolean;
  ajv.addFormat('date-time', (text: string) => isTime(text) && !Number.isNaN(Date.parse(text)));
}

const makeCompiler = AjvCompiler();
const compilerThat = (coerceTypes: boolean) =>
  makeCompiler(
    {},
    // `verbose`: a fault carries the value and the schema at fault, for the words of the error.
    {
      customOptions: { coerceTypes, removeAdditional: false, allErrors: false, verbose: true },
      onCreate: onlyTimesOfDate,
    },
  );

/** Create the compiler for `setValidatorCompiler`. */
export function createValidatorCompiler(): FastifySchemaCompiler<unknown> {
  const [ofAddress, ofBody] = [compilerThat(true), compilerThat(false)];
  return (route) => (route.httpPart === 'body' ? ofBody : ofAddress)(route as AnySchema) as FastifyValidationResult;
}

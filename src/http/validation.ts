/**
 * How requests are held against their schemas. What stands in an address is text, and is made what its schema names; a JSON
 * body says what it means: a null there is not a 0, "false" no truth value, and is never made one.
 */
import AjvCompiler from '@fastify/ajv-compiler';
import type { AnySchema } from 'ajv';
import type { FastifySchemaCompiler } from 'fastify';
import type { FastifyValidationResult } from 'fastify/types/schema.js';

type Build = AjvCompiler.BuildCompilerFromPool;
type Ajv = Parameters<NonNullable<NonNullable<Parameters<Build>[1]>['onCreate']>>[0];

/** A leap second is a time to RFC 3339 and none to `Date`, with which everything here counts. */
function onlyTimesOfDate(ajv: Ajv): void {
  const known = ajv.formats['date-time'];
  if (typeof known !== 'object' || known instanceof RegExp || typeof known.validate !== 'function')
    throw new TypeError('the format date-time is not as it was');
  const isTime = known.validate as (text: string) => boolean;
  ajv.addFormat('date-time', (text: string) => isTime(text) && !Number.isNaN(Date.parse(text)));
}

const makeCompiler = AjvCompiler();
const compilerThat = (coerceTypes: boolean) =>
  makeCompiler(
    {},
    { customOptions: { coerceTypes, removeAdditional: false, allErrors: false }, onCreate: onlyTimesOfDate },
  );

/** For `setValidatorCompiler`. */
export function createValidatorCompiler(): FastifySchemaCompiler<unknown> {
  const [ofAddress, ofBody] = [compilerThat(true), compilerThat(false)];
  return (route) => (route.httpPart === 'body' ? ofBody : ofAddress)(route as AnySchema) as FastifyValidationResult;
}

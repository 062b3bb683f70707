/**
 * Schemas are compiled with the first request of their route: compiling all of them is a sixth of the start. A test compiles
 * all, so that a schema that cannot be compiled is known before.
 */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import type { FastifySchemaCompiler, FastifySerializerCompiler } from 'fastify';

type Validator = ReturnType<FastifySchemaCompiler<unknown>>;

/** Return a compiler whose validators are made by `compile` with their first value. */
export function lateValidators(compile: FastifySchemaCompiler<unknown>): FastifySchemaCompiler<unknown> {
  return (route) => {
    let made: Validator | undefined;
    const validate: Validator = (value) => {
      made ??= compile(route);
      const answer = made(value);
      validate.errors = made.errors ?? null;
      return answer;
    };
    return validate;
  };
}

/** Compiles by fast-json-stringify, like Fastify itself. */
export const compileSerializer = SerializerSelector()({}, {}) as FastifySerializerCompiler<unknown>;

/** Return a compiler whose serializers are made with their first answer. */
export const lateSerializers: FastifySerializerCompiler<unknown> = (route) => {
  let made: ReturnType<FastifySerializerCompiler<unknown>> | undefined;
  return (answer) => {
    made ??= compileSerializer(route);
    return made(answer);
  };
};

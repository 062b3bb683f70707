/** Schemas that are compiled with the first request of their route. */
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { readConfig } from '../../src/config/read-config.js';
import { lateSerializers, lateValidators } from '../../src/http/late-compilers.js';
import { createServer } from '../../src/http/server.js';
import { createValidatorCompiler } from '../../src/http/validation.js';
import { createService } from '../../src/service/service.js';
import { createLogger } from '../../src/telemetry/log.js';

test('every schema of every route can be compiled', { timeout: 60_000 }, async () => {
  const flags = { dataDir: tempFolder('compiled'), logLevel: 'silent', decoderSandbox: 'off' };
  const log = createLogger('silent');
  const service = await createService(readConfig({ env: {}, flags }), { log });
  try {
    const server = await createServer(service, log, () => {}, { compilesAtOnce: true });
    await server.close();
  } finally {
    await service.close();
  }
});

const route = { method: 'POST', url: '/', httpPart: 'body' } as const;

describe('compiled with the first value', () => {
  test('a validator is made once, and has the errors of its last value', () => {
    let made = 0;
    const compile = createValidatorCompiler();
    const validate = lateValidators((one) => {
      made++;
      return compile(one);
    })({ ...route, schema: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } } });
    expect([made, validate({ a: 1 }), validate.errors, made]).toEqual([0, true, null, 1]);
    expect(validate({ a: '1' })).toBe(false);
    expect(validate.errors).toMatchObject([{ instancePath: '/a', keyword: 'type' }]);
    expect([validate({ a: 2 }), validate.errors, made]).toEqual([true, null, 1]);
  });

  test('a schema that cannot be compiled fails its first value, not its registration', () => {
    const validate = lateValidators(createValidatorCompiler())({ ...route, schema: { type: 'nothing' } });
    expect(() => validate({})).toThrow(/type/);
    const serialize = lateSerializers({ ...route, schema: { $ref: '#/nowhere' } });
    expect(() => serialize({})).toThrow();
  });

  test('a serializer writes what its schema has, and no more', () => {
    const serialize = lateSerializers({ ...route, schema: { type: 'object', properties: { a: { type: 'number' } } } });
    expect([serialize({ a: 1, secret: 2 }), serialize({ a: 3 })]).toEqual(['{"a":1}', '{"a":3}']);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KNOBS, KNOWN_VARIABLES, type KnobName } from '../../src/config/knobs.js';
import { type ConfigSources, readConfig } from '../../src/config/read-config.js';
import { isServiceLink } from '../../src/config/service-links.js';
import { AppError } from '../../src/core/errors.js';

const NAMES = Object.keys(KNOBS) as KnobName[];

/** Return the problems that reading finds. */
function problemsOf(sources: ConfigSources): string[] {
  try {
    readConfig(sources);
    return [];
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CONFIG_INVALID') throw error;
    return String(error.details.problems).split('; ');
  }
}

test('without any source every knob has its default, and the result is frozen', () => {
  const config = readConfig({ env: {} });
  expect(config).toEqual(Object.fromEntries(NAMES.map((name) => [name, KNOBS[name].default])));
  expect(Object.isFrozen(config)).toBe(true);
});

test('every default is inside its own range, and every knob has its own ZEEF_ name', () => {
  for (const name of NAMES) expect(KNOBS[name].parse(String(KNOBS[name].default))).toBe(KNOBS[name].default);
  expect(new Set(NAMES.map((name) => KNOBS[name].env)).size).toBe(NAMES.length);
  for (const name of NAMES) expect(KNOBS[name].env).toMatch(/^ZEEF_[A-Z]+(_[A-Z]+)*$/);
});

describe('precedence of sources', () => {
  const fileText = JSON.stringify({ port: 1001 });
  const env = { ZEEF_PORT: '1002' };
  const flags = { port: '1003' };

  test.each([
    ['flag over variable and file', { fileText, env, flags }, 1003],
    ['flag over file', { fileText, env: {}, flags }, 1003],
    ['variable over file', { fileText, env }, 1002],
    ['file over default', { fileText, env: {} }, 1001],
    ['default', { env: {} }, 8080],
  ] as const)('%s', (_, sources, port) => {
    expect(readConfig(sources).port).toBe(port);
  });

  test('a bad value in a weaker source is ignored', () => {
    expect(readConfig({ env: { ZEEF_PORT: 'x' }, flags: { port: '5' } }).port).toBe(5);
  });

  test('a file may have numbers as numbers or as text', () => {
    expect(readConfig({ env: {}, fileText: '{"port": "7", "workers": 3}' })).toMatchObject({ port: 7, workers: 3 });
  });
});

test('all problems are reported at once', () => {
  const problems = problemsOf({
    env: { ZEEF_PORT: '65536', ZEEF_INDEX: 'tree', ZEEF_WROKERS: '2' },
    fileText: '{"radiusBits": 257, "colour": "red", "logLevel": null}',
    flags: { workers: '0' },
  });
  expect(problems).toHaveLength(7);
  for (const word of ['ZEEF_PORT', 'ZEEF_INDEX', 'ZEEF_WROKERS', 'radiusBits', 'colour', 'logLevel', 'workers']) {
    expect(problems.filter((problem) => problem.includes(word))).toHaveLength(1);
  }
});

describe('ranges', () => {
  const ranged = NAMES.flatMap((name) => {
    const edges = /^(\d+)\.\.(\d+)$/.exec(KNOBS[name].range);
    return edges ? [{ name, env: KNOBS[name].env, least: Number(edges[1]), most: Number(edges[2]) }] : [];
  });

  test('most knobs are numbers', () => expect(ranged.length).toBeGreaterThanOrEqual(10));

  test.each(ranged)('$name accepts $least and $most, and nothing beyond', ({ name, env, least, most }) => {
    expect(readConfig({ env: { [env]: String(least) } })[name]).toBe(least);
    expect(readConfig({ env: { [env]: String(most) } })[name]).toBe(most);
    expect(problemsOf({ env: { [env]: String(least - 1) } })).toHaveLength(1);
    expect(problemsOf({ env: { [env]: String(most + 1) } })).toHaveLength(1);
  });

  test.each(['', ' 5', '5 ', '5.0', '1e3', '+5', '-5', '0x10', 'five', '5\n', '٥', 'NaN'])(
    'a number is decimal digits and nothing else: %j is refused',
    (raw) => expect(problemsOf({ env: { ZEEF_PORT: raw } })).toHaveLength(1),
  );

  test('any integer is accepted exactly if it is in the range', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 300 }), (value) => {
        const isInside = value >= 0 && value <= 256;
        expect(problemsOf({ env: { ZEEF_RADIUS_BITS: String(value) } })).toHaveLength(isInside ? 0 : 1);
      }),
    );
  });

  test('text has a shortest and a longest length', () => {
    expect(readConfig({ env: { ZEEF_HOST: 'h' } }).host).toBe('h');
    expect(readConfig({ env: { ZEEF_HOST: 'h'.repeat(255) } }).host).toHaveLength(255);
    expect(problemsOf({ env: { ZEEF_HOST: '' } })).toHaveLength(1);
    expect(problemsOf({ env: { ZEEF_HOST: 'h'.repeat(256) } })).toHaveLength(1);
  });

  test.each(['/v1', '/docs', '/docs/hma', '/dashboard/x', '/metrics', '/livez', '/adapters/x'])(
    'no other interface is at %s, where the service’s own addresses are',
    (value) => expect(problemsOf({ env: { ZEEF_HMA_PREFIX: value } })).toHaveLength(1),
  );

  test('a choice is one of its words, in the same case', () => {
    expect(readConfig({ env: { ZEEF_INDEX: 'linear' } }).index).toBe('linear');
    expect(problemsOf({ env: { ZEEF_INDEX: 'Linear' } })).toHaveLength(1);
  });
});

describe('variables named ZEEF_', () => {
  test.each(['ZEEF_', 'ZEEF_PORTS', 'ZEEF_port', 'ZEEF_CONFIGS'])('%s is an error', (name) => {
    expect(problemsOf({ env: { [name]: '1' } })).toEqual([
      expect.stringMatching(`^unknown environment variable: ${name}( \\(did you mean ZEEF_(PORT|CONFIG)\\?\\))?$`),
    ]);
  });

  test.each(['ZEEF_CONFIG', 'ZEEF_CORPUS', 'ZEEF_SERVER_KEY', 'PATH', 'zeef_port', 'XZEEF_PORT'])(
    '%s is no error',
    (name) => {
      expect(problemsOf({ env: { [name]: '1' } })).toEqual([]);
    },
  );
});

describe('the configuration file', () => {
  test.each(['{', '', '[]', 'null', '"port"', '[1]', 'port=1'])('%j is refused', (fileText) => {
    expect(problemsOf({ env: {}, fileText })).toHaveLength(1);
  });

  test.each(['null', '{"a": 1}', '["localhost"]', 'true', '[]'])('a host that is %s is refused', (value) => {
    expect(problemsOf({ env: {}, fileText: `{"host": ${value}}` })).toHaveLength(1);
  });

  test('names that every object has are unknown knobs', () => {
    for (const name of ['toString', '__proto__', 'constructor']) {
      expect(problemsOf({ env: {}, fileText: `{"${name}": 1}` })).toHaveLength(1);
    }
  });

  test('an empty object changes nothing', () => {
    expect(readConfig({ env: {}, fileText: '{}' })).toEqual(readConfig({ env: {} }));
  });
});

describe('variables that an orchestrator sets for its own services', () => {
  const OF_ZEEF = {
    ZEEF_PORT: 'tcp://10.0.0.7:8080',
    ZEEF_SERVICE_HOST: '10.0.0.7',
    ZEEF_SERVICE_PORT: '8080',
    ZEEF_SERVICE_PORT_HTTP: '8080',
    ZEEF_PORT_8080_TCP: 'tcp://10.0.0.7:8080',
    ZEEF_PORT_8080_TCP_PROTO: 'tcp',
    ZEEF_PORT_8080_TCP_PORT: '8080',
    ZEEF_PORT_8080_TCP_ADDR: '10.0.0.7',
    ZEEF_API_SERVICE_HOST: '10.0.0.8',
    ZEEF_API_PORT: 'tcp://[fd00::8]:80',
    ZEEF_API_PORT_80_TCP_ADDR: 'fd00::8',
    ZEEF_NAME: '/web/zeef',
    ZEEF_ENV_NODE_VERSION: '24',
  };

  test('are neither knobs nor errors, and leave the port to the file or the default', () => {
    expect(readConfig({ env: OF_ZEEF })).toEqual(readConfig({ env: {} }));
    expect(readConfig({ env: OF_ZEEF, fileText: JSON.stringify({ port: 1001 }) }).port).toBe(1001);
  });

  test.each([
    ['ZEEF_PROT', 'tcp://10.0.0.7:8080'],
    ['ZEEF_API_PORT', '8080'],
    ['ZEEF_SERVICE_HOSTS', '10.0.0.7'],
    ['ZEEF_PORT_HTTP_TCP', 'tcp://10.0.0.7:8080'],
    ['ZEEF_PORT_8080', '8080'],
    ['ZEEF_NAME', 'zeef'],
  ])('%s=%s is an unknown variable', (name, value) => {
    expect(problemsOf({ env: { [name]: value } })).toEqual([
      expect.stringMatching(`^unknown environment variable: ${name}( \\(did you mean ZEEF_(PORT|HOST)\\?\\))?$`),
    ]);
  });

  test('no variable of Zeef is taken for one', () => {
    for (const name of KNOWN_VARIABLES) expect(isServiceLink(name, '8080'), name).toBe(false);
  });

  test.each(['tcp:/10.0.0.7:8080', 'tcp://10.0.0.7', '80 80', 'http://10.0.0.7:8080'])(
    'ZEEF_PORT=%s is invalid',
    (value) => {
      expect(problemsOf({ env: { ZEEF_PORT: value } })).toHaveLength(1);
    },
  );
});

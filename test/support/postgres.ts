/** The PostgreSQL servers of tests (`bench/postgres-server.ts`), and whether there can be any. */
import { isPostgresThere, POSTGRES, PostgresServer } from '../../bench/postgres-server.js';
import { orLeftOut } from './left-out.js';

export { PostgresServer };

/** Platforms of which the package has binaries, for glibc: without them there, the installation is incomplete. */
const HAS_BINARIES = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];
const { from, isNamed, platform } = POSTGRES;
const isThere = isPostgresThere();

if (!isThere && (isNamed || process.env.CI !== undefined || HAS_BINARIES.includes(platform)))
  throw new Error(`there is no PostgreSQL in ${from}: the tests on it would be left out`);

export const hasPostgres = orLeftOut(isThere, `No PostgreSQL for ${platform}`, 'tests on it');

let shared: Promise<PostgresServer> | undefined;

/** Return the server of this test file, which its process ends; its version is announced. */
export function sharedServer(): Promise<PostgresServer> {
  shared ??= PostgresServer.create().then(async (server) => {
    const [version] = await server.run('SHOW server_version');
    process.stderr.write(`PostgreSQL ${String(version?.server_version)} of ${isNamed ? from : 'npm'}\n`);
    return server;
  });
  return shared;
}

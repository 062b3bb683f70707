// Runs after `npm install`: compiles (on Node 20) and checks the native SQLite binding; prints one line if it fails.
// Node 22 and newer load better-sqlite3 13, whose binary is in the package. Node 20 loads better-sqlite3 12, which is
// compiled here; package.json forbids its own install script, since newer Nodes would compile it for nothing.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);
// The same choice as in src/core/sqlite-binding.ts, which is not built yet.
const isNode20 = Number.parseInt(process.versions.node, 10) < 22;
const name = isNode20 ? 'better-sqlite3-node20' : 'better-sqlite3';

/** Return why the binding does not work, or undefined. */
function problem() {
  try {
    new (require(name))(':memory:').close();
    return undefined;
  } catch (error) {
    return String(error.message).split('\n')[0];
  }
}

function compile() {
  const folder = dirname(require.resolve(`${name}/package.json`));
  const { npm_execpath: npm } = process.env;
  const [command, ...args] = npm ? [process.execPath, npm] : ['npm'];
  spawnSync(command, [...args, 'run', 'install'], { cwd: folder, stdio: 'ignore' });
}

if (problem() && isNode20) {
  try {
    compile();
  } catch {
    // npm omits a package that failed to compile: its folder is missing then.
  }
}
const why = problem();
if (why) {
  const npm = Number(/^npm\/(\d+)/.exec(process.env.npm_config_user_agent ?? '')?.[1]);
  const newer = `better-sqlite3 has no binary for ${process.platform}-${process.arch} in its package (${why})`;
  // It compiles every package that has a `binding.gyp`, and omits an optional one that fails.
  const older = `npm ${npm} compiles better-sqlite3: use npm 11 or newer, or install a C++ compiler, make and Python 3`;
  const advice = isNode20
    ? 'better-sqlite3 is compiled on Node 20: install a C++ compiler, make and Python 3, or use Node 22 or newer'
    : npm < 11
      ? older
      : newer;
  process.stderr.write(`zeef: ${advice}.\n`);
  process.exitCode = 1;
}

/**
 * Code that has taken over a decoder process: it tries what such a process must not be able to do, and sends what succeeded
 * over descriptor 3. Started by the launcher of the decoder; plain JavaScript, since Node runs it without a build.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { connect, Socket } from 'node:net';

const { key, folder, service, port, program = '/nowhere/file' } = JSON.parse(process.argv[2]);

/** What an attempt returned, or null. */
function attempt(act) {
  try {
    return String(act());
  } catch {
    return null;
  }
}

const connected = await new Promise((resolve) => {
  const socket = connect({ host: '127.0.0.1', port });
  socket.once('connect', () => resolve('connected'));
  socket.once('error', () => resolve(null));
});

const results = {
  read: attempt(() => readFileSync(key, 'latin1')),
  list: attempt(() => readdirSync(folder).join()) || null,
  // The folder that the process was started in is under the cover.
  relative: attempt(() => readFileSync('list.key', 'latin1')),
  throughService: attempt(() => readFileSync(`/proc/${service}/root${key}`, 'latin1')),
  environment: attempt(() => readFileSync(`/proc/${service}/environ`, 'latin1').length > 0),
  // No JavaScript reads it: Node's permission model does not see what `cat` does.
  program: attempt(() => execFileSync('/bin/cat', [key], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] })),
  connected,
  // An update of the program would run with the service's privileges.
  writeProgram: attempt(() => accessSync(program, constants.W_OK) ?? 'writable'),
  writeProgramNative: attempt(() =>
    execFileSync('/bin/sh', ['-c', 'printf x >>"$0" && echo written', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ),
  // Signal 0 reaches whom any signal would.
  signal: attempt(() => process.kill(service, 0)),
  signalParent: attempt(() => process.kill(process.ppid === 0 ? service : process.ppid, 0)),
  seesService: attempt(() => readFileSync(`/proc/${service}/stat`, 'latin1').length > 0),
  agent: process.env.SSH_AUTH_SOCK ?? null,
};
const socket = new Socket({ fd: 3, readable: true, writable: true });
// The test kills this process when it has looked at it.
socket.write(`${JSON.stringify(results)}\n`);

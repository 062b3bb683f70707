/**
 * A way into a network namespace for a test outside: started inside, it listens on a socket in a folder, and connects each caller to
 * an address inside, until its standard input ends. Arguments: the socket, the host, the port. Plain JavaScript, since Node runs it without a build.
 */
import { connect, createServer } from 'node:net';

process.stdin.resume().once('end', () => process.exit());

const [path, host, port] = process.argv.slice(2);

createServer((caller) => {
  const inside = connect(Number(port), host);
  for (const socket of [caller, inside]) {
    socket.on('error', () => {});
    socket.once('close', () => {
      caller.destroy();
      inside.destroy();
    });
  }
  caller.pipe(inside);
  inside.pipe(caller);
}).listen(path, () => process.stdout.write('ready\n'));

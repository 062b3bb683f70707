/** The sandbox of the decoder process, tried from inside by a program that means harm. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { decoderPid, launchDecoder } from '../../src/engine/decoder-launch.js';
import { createImageEngine, type HashWants, type ImageEngine } from '../../src/engine/image-engine.js';
import { NO_SANDBOX, openSandbox, type Sandbox, type SandboxOptions } from '../../src/engine/sandbox.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { orLeftOut } from '../support/left-out.js';
import { run, serve } from '../support/processes.js';
import { sceneRaster } from '../support/random.js';

const WANTS: HashWants = {
  digests: [],
  orientations: 'none',
  families: 'resized',
  algorithms: ['pdq'],
  frames: 1,
  detail: 'plain',
};
const INTRUDER = 'test/support/intruder.mjs';
const KEY_TEXT = 'ab'.repeat(32);
/** Of the program, and writable by all: only the sandbox protects it. */
const PROGRAM_FILE = artefact('intruded.txt');

const folder = tempFolder('sandbox');
const key = join(folder, 'list.key');
writeFileSync(key, KEY_TEXT, { mode: 0o600 });

const open = (options: Partial<SandboxOptions> = {}): Promise<Sandbox> =>
  openSandbox({ env: process.env, workers: 1, hidden: [folder], readsFiles: false, ...options });

const isLinux = orLeftOut(process.platform === 'linux', 'this is not Linux', 'the tests of the decoder sandbox');
const [sandbox, sandboxOfScans] = isLinux ? [await open(), await open({ readsFiles: true })] : [NO_SANDBOX, NO_SANDBOX];
/** As a service has them that does not run as root. */
const ofSameUser = isLinux
  ? await Promise.all([false, true].map((readsFiles) => open({ readsFiles, mayChangeUser: false })))
  : [];
const isComplete = orLeftOut(
  sandbox.layers.networkNamespace && sandbox.layers.filesHidden && sandboxOfScans.layers.filesHidden,
  'this machine allows no namespaces',
  'the tests that look out of the decoder sandbox',
);

let listener: Server;
beforeAll(async () => {
  writeFileSync(PROGRAM_FILE, '');
  chmodSync(PROGRAM_FILE, 0o666);
  listener = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  listener.close();
  rmSync(PROGRAM_FILE);
});

let engine: ImageEngine | undefined;
let child: ChildProcess | undefined;
afterEach(async () => {
  await engine?.close();
  child?.kill('SIGKILL');
  [engine, child] = [undefined, undefined];
});

function startEngine(of: Sandbox, imageBytesMax = 5_000_000): ImageEngine {
  const limits = { imageBytesMax, imagePixelsMax: 60_000_000, decodeMsMax: 60_000, memoryBytesMax: 2e9 };
  engine = createImageEngine({ workers: 1, queuePerWorker: 100, ...limits, env: process.env, sandbox: of });
  return engine;
}

/** Start the intruder by the launcher of the decoder, in the data folder, and return what it could do. */
async function intrude(of: Sandbox): Promise<Record<string, string | null>> {
  const { port } = listener.address() as AddressInfo;
  const orders = JSON.stringify({ key, folder, service: process.pid, port, program: PROGRAM_FILE });
  const before = process.cwd();
  const script = join(before, INTRUDER);
  process.chdir(folder);
  try {
    child = endWithParent(launchDecoder(script, [orders], { sandbox: of, workers: 1, env: process.env }));
  } finally {
    process.chdir(before);
  }
  const socket = child.stdio[3] as Duplex;
  const text = await new Promise<string>((resolve, reject) => {
    let got = '';
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1');
      if (got.endsWith('\n')) resolve(got);
    });
    child!.once('exit', (code) => reject(new Error(`the intruder ended with ${code}`)));
  });
  return JSON.parse(text) as Record<string, string | null>;
}

const NOTHING = {
  read: null,
  list: null,
  relative: null,
  throughService: null,
  environment: null,
  program: null,
  connected: null,
  writeProgram: null,
  writeProgramNative: null,
  signal: null,
  signalParent: null,
  seesService: null,
  agent: null,
};
const statusOf = (pid: number) => readFileSync(`/proc/${pid}/status`, 'latin1');
const uidOf = (pid: number) => Number(/^Uid:\s+(\d+)/m.exec(statusOf(pid))![1]);

describe('code execution in the decoder process', () => {
  test.runIf(isLinux)('without the sandbox reads the key and connects: the attempts work', async () => {
    const got = await intrude(NO_SANDBOX);
    expect(got).toEqual({
      ...NOTHING,
      read: KEY_TEXT,
      list: 'list.key',
      relative: KEY_TEXT,
      throughService: KEY_TEXT,
      environment: 'true',
      program: KEY_TEXT,
      connected: 'connected',
      writeProgram: 'writable',
      writeProgramNative: 'written\n',
      signal: 'true',
      signalParent: 'true',
      seesService: 'true',
    });
    expect(statusOf(child!.pid!)).toMatch(/^NoNewPrivs:\s+0$/m);
  });

  test.runIf(isComplete)('reads no key and connects to nothing', async () => {
    expect(await intrude(sandbox)).toEqual(NOTHING);
    expect(await intrude(sandboxOfScans)).toEqual(NOTHING);
  });

  test.runIf(isComplete)('is stopped by the kernel alone, without Node’s permission model', async () => {
    for (const kernel of [sandbox, sandboxOfScans, ...ofSameUser]) {
      expect(await intrude({ ...kernel, nodeOptions: [] })).toEqual(NOTHING);
      const pid = decoderPid(child!, kernel)!;
      expect(pid).not.toBe(child!.pid);
      expect(readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toMatch(/^[^\0]*node\0.*intruder/);
      const status = statusOf(pid);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(readFileSync(`/proc/${pid}/limits`, 'latin1')).toMatch(/^Max core file size\s+0\s+0\s/m);
      if (kernel.layers.otherUser) expect(uidOf(pid)).not.toBe(0);
      child!.kill('SIGKILL');
      await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    }
  });

  test.runIf(isComplete)(
    'as a native program: neither the key, nor the cover taken off, in a namespace of its own too',
    () => {
      const attempts: (readonly string[])[] = [
        ['/bin/cat', key],
        ['/bin/umount', folder],
        ['/usr/bin/unshare', '--user', '--map-root-user', '--mount', '/bin/sh', '-c', `umount ${folder} && cat ${key}`],
        ['/usr/bin/nsenter', `--mount=/proc/${process.pid}/ns/mnt`, '/bin/cat', key],
      ];
      for (const program of attempts) {
        for (const of of [sandbox, sandboxOfScans]) {
          const [file, ...args] = of.wrap(program);
          const inside = () =>
            execFileSync(file!, args, { env: {}, encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'] });
          expect(inside, program.join(' ')).toThrow();
        }
      }
      expect(execFileSync('/bin/cat', [key], { encoding: 'latin1' })).toBe(KEY_TEXT);
    },
  );

  test.runIf(isComplete)('as a native program: no mount made writable, and nothing signalled', () => {
    const write = `echo x >>${PROGRAM_FILE}`;
    const inOwn = ['/usr/bin/unshare', '--user', '--map-root-user', '--mount', '/bin/sh', '-c'];
    const attempts: (readonly string[])[] = [
      ['/bin/sh', '-c', write],
      ['/bin/mount', '-o', 'remount,bind,rw', '/'],
      [...inOwn, `mount -o remount,bind,rw / && ${write}`],
      ['/bin/kill', '-0', String(process.pid)],
      [...inOwn, `kill -0 ${process.pid}`],
    ];
    for (const program of attempts) {
      for (const of of [sandbox, sandboxOfScans, ...ofSameUser]) {
        const [file, ...args] = of.wrap(program);
        expect(() => execFileSync(file!, args, { env: {}, stdio: 'ignore' }), program.join(' ')).toThrow();
      }
    }
    expect(readFileSync(PROGRAM_FILE, 'latin1')).not.toContain('\n');
  });

  test.runIf(isComplete)('sees of a folder of others only what the decoder needs, and no key of the user', async () => {
    const own = tempFolder('program');
    const library = join(own, 'lib', 'own.so');
    mkdirSync(join(own, 'lib'));
    writeFileSync(library, KEY_TEXT, { mode: 0o644 });
    mkdirSync(join(own, '.ssh'));
    for (const name of ['.ssh/id', 'beside', 'lib/beside']) writeFileSync(join(own, name), KEY_TEXT, { mode: 0o644 });
    const env = { ...process.env, LD_PRELOAD: library, HOME: own };
    for (const readsFiles of [false, true]) {
      const of = await open({ env, readsFiles, mayChangeUser: false });
      expect(of.layers).toMatchObject({ filesHidden: true, filesReadOnly: true, pidNamespace: true });
      const cat = (name: string) => () => {
        const [file, ...args] = of.wrap(['/bin/cat', join(own, name)]);
        return execFileSync(file!, args, { env: {}, stdio: ['ignore', 'pipe', 'ignore'] });
      };
      expect(cat('lib/own.so')().toString('latin1')).toBe(KEY_TEXT);
      expect(cat('.ssh/id')).toThrow();
      for (const name of ['beside', 'lib/beside']) {
        if (readsFiles) expect(cat(name)().toString('latin1')).toBe(KEY_TEXT);
        else expect(cat(name)).toThrow();
      }
    }
  });

  test.runIf(isLinux)('is refused by Node’s permission model alone', async () => {
    const got = await intrude({ ...sandbox, wrap: (program) => program });
    // It refuses to open files, and neither this question nor a signal.
    const ofOtherLayers = { writeProgram: 'writable', signal: 'true', signalParent: 'true' };
    expect(got).toEqual({ ...NOTHING, connected: 'connected', ...ofOtherLayers });
  });

  test.runIf(isComplete)('sees no key that is configured elsewhere, nor one that replaces it', async () => {
    const secrets = join(tempFolder('keys'), 'zeef');
    mkdirSync(join(secrets, 'first'), { recursive: true });
    for (const name of ['first/list.key', 'other.key']) writeFileSync(join(secrets, name), KEY_TEXT);
    symlinkSync('first/list.key', join(secrets, 'list.key'));
    for (const readsFiles of [false, true]) {
      // By the cover alone: another user could not enter the folders above.
      const of = await open({ hidden: [join(secrets, 'list.key')], readsFiles, mayChangeUser: false });
      expect(of.layers.filesHidden).toBe(true);
      for (const name of ['list.key', 'first/list.key', 'other.key']) {
        const [file, ...args] = of.wrap(['/bin/cat', join(secrets, name)]);
        expect(() => execFileSync(file!, args, { env: {}, stdio: 'ignore' }), name).toThrow();
      }
    }
  });

  test.runIf(isComplete)('the library of the allocator is loaded in the sandbox too, with its settings', async () => {
    const allocator = { LD_PRELOAD: 'libresolv.so.2', MALLOC_CONF: 'narenas:2' };
    for (const of of [NO_SANDBOX, await open({ env: { ...process.env, ...allocator } })]) {
      child = endWithParent(
        launchDecoder(join(process.cwd(), INTRUDER), ['{"port":1}'], { sandbox: of, workers: 1, env: allocator }),
      );
      await new Promise((resolve) => (child!.stdio[3] as Duplex).once('data', resolve));
      const pid = decoderPid(child, of);
      expect(readFileSync(`/proc/${pid}/maps`, 'latin1')).toContain('libresolv');
      expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toContain('MALLOC_CONF=narenas:2');
      child.kill('SIGKILL');
    }
  });

  test.runIf(isComplete)('a file beside the program is hidden alone, and the program stays', async () => {
    const of = await open({ hidden: [join(process.cwd(), 'tsconfig.json')] });
    expect(of.layers.filesHidden).toBe(true);
    const [file, ...args] = of.wrap([
      '/bin/cat',
      join(process.cwd(), 'tsconfig.json'),
      join(process.cwd(), 'package.json'),
    ]);
    expect(execFileSync(file!, args, { env: {}, encoding: 'latin1' })).toBe(readFileSync('package.json', 'latin1'));
  });

  test.runIf(isComplete)(
    'a data folder around the program cannot be hidden, and is not reported as hidden',
    async () => {
      const { layers } = await open({ hidden: [process.cwd()] });
      expect(layers).toMatchObject({ filesHidden: false, networkNamespace: true, noNewPrivileges: true });
    },
  );
});

describe('decoding in the sandbox', () => {
  const scene = sceneRaster(5, 320, 240, 3);
  const image = sharp(scene.data, { raw: { width: 320, height: 240, channels: 3 } });

  /** A BMP of the scene, and the same as an icon. */
  function bmpOf(forIcon: boolean): Buffer {
    const header = Buffer.alloc(54);
    header.write('BM', 'latin1');
    header.writeUInt32LE(54 + scene.data.length, 2);
    header.writeUInt32LE(54, 10);
    header.writeUInt32LE(40, 14);
    header.writeInt32LE(320, 18);
    header.writeInt32LE(forIcon ? 480 : 240, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(24, 28);
    const rows = Buffer.alloc(scene.data.length);
    for (let at = 0; at < rows.length; at += 3) {
      const from = ((239 - Math.floor(at / 960)) * 960 + (at % 960)) as number;
      for (let c = 0; c < 3; c++) rows[at + c] = scene.data[from + 2 - c]!;
    }
    if (!forIcon) return Buffer.concat([header, rows]);
    const picture = Buffer.concat([header.subarray(14), rows, Buffer.alloc(40 * 240)]);
    const entry = Buffer.from([0, 0, 1, 0, 1, 0, 0, 240, 0, 0, 1, 0, 24, 0, 0, 0, 0, 0, 22, 0, 0, 0]);
    entry.writeUInt32LE(picture.length, 14);
    return Buffer.concat([entry, picture]);
  }

  test.runIf(isLinux)('every decoder works: libvips, libjpeg-turbo, WebAssembly and JavaScript', async () => {
    const files: Record<string, Buffer> = {
      png: await image.png().toBuffer(),
      jpeg: await image.jpeg({ quality: 95 }).toBuffer(),
      webp: await image.webp({ quality: 95 }).toBuffer(),
      tiff: await image.tiff({ compression: 'lzw' }).toBuffer(),
      gif: await image.gif().toBuffer(),
      avif: await image.avif({ quality: 90, effort: 0 }).toBuffer(),
      heic: readFileSync('test/fixtures/heic/scene.heic'),
      bmp: bmpOf(false),
      ico: bmpOf(true),
    };
    for (const of of [sandbox, sandboxOfScans]) {
      startEngine(of);
      for (const [format, bytes] of Object.entries(files))
        expect(await engine!.hashBytes(bytes, WANTS), format).toMatchObject({ ok: true, format });
      const reply = await engine!.hashBytes(files.png!, WANTS);
      const expected = createPdqHasher().hash(scene, { orientations: 'none', families: 'resized' }).families;
      expect(reply.ok && reply.views[0]!.families).toEqual(expected);
      await engine!.close();
    }
  });

  test.runIf(isLinux)('an image that is larger unpacked than libvips keeps in memory needs no file', async () => {
    const background = { r: 20, g: 160, b: 90, alpha: 0.5 };
    const large = sharp({ create: { width: 5_300, height: 5_000, channels: 4, background } });
    startEngine(sandbox);
    const webp = await large.webp({ lossless: true, effort: 0 }).toBuffer();
    expect(await engine!.hashBytes(webp, WANTS)).toMatchObject({ ok: true, format: 'webp', width: 5_300 });
  });

  test.runIf(isLinux)('a file that the sandbox hides is read by the service, within its limits', async () => {
    const hidden = join(folder, 'a.png');
    const large = join(folder, 'large.png');
    writeFileSync(hidden, await image.png().toBuffer());
    writeFileSync(large, Buffer.alloc(300_000));
    const sha256 = createHash('sha256').update(readFileSync(large)).digest('hex');
    for (const of of [sandbox, sandboxOfScans]) {
      startEngine(of, 250_000);
      const hash = (path: string) => engine!.hashPath(pathBytesOf(path), { ...WANTS, digests: ['sha256'] });
      expect(await hash(hidden)).toMatchObject({ ok: true, format: 'png' });
      const tooLarge = { ok: false, reason: 'too_large', code: 'IMAGE_TOO_LARGE', bytes: 300_000, digests: { sha256 } };
      expect(await hash(large)).toMatchObject(tooLarge);
      expect(await hash(folder)).toMatchObject({ ok: false, reason: 'unreadable' });
      expect(await hash(join(folder, 'missing'))).toMatchObject({ ok: false, reason: 'unreadable' });
      await engine!.close();
    }
  });

  test.runIf(isComplete)('a killed decoder is replaced by one in the sandbox', async () => {
    startEngine(sandbox);
    const png = await image.png().toBuffer();
    expect(await engine!.hashBytes(png, WANTS)).toMatchObject({ ok: true });
    const first = engine!.status.pid!;
    process.kill(first, 'SIGKILL');
    await expect.poll(() => engine!.status.restarts).toBe(1);
    expect(await engine!.hashBytes(png, WANTS)).toMatchObject({ ok: true });
    expect(engine!.status.pid).not.toBe(first);
    expect(statusOf(engine!.status.pid!)).toMatch(/^NoNewPrivs:\s+1$/m);
  });
});

describe('a machine that allows less', () => {
  const none = { ...NO_SANDBOX.layers, permissionModel: true };
  const realPath = (name: string) => ['/usr/bin', '/bin'].map((at) => join(at, name)).find((path) => existsSync(path))!;

  /** A PATH with the real commands, except those given as scripts. */
  function pathWith(scripts: Record<string, string>, commands = ['mount', 'setpriv', 'sh', 'unshare']): string {
    const bin = tempFolder('bin');
    for (const name of commands.filter((each) => scripts[each] === undefined))
      symlinkSync(realPath(name), join(bin, name));
    for (const [name, text] of Object.entries(scripts))
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return bin;
  }
  const layersOf = async (path: string) => (await open({ env: { PATH: path } })).layers;

  test.runIf(isLinux)('no command at all: the permission model alone, and images are decoded', async () => {
    const of = await open({ env: { PATH: tempFolder('bin') } });
    expect(of.layers).toEqual(none);
    startEngine(of);
    const heic = readFileSync('test/fixtures/heic/scene.heic');
    expect(await engine!.hashBytes(heic, WANTS)).toMatchObject({ ok: true });
  });

  test.runIf(isLinux)('a trial that the system cannot start at all has failed', async () => {
    // Longer than one text of a command's environment may be.
    expect((await open({ env: { ...process.env, LD_PRELOAD: 'x'.repeat(200_000) } })).layers).toEqual(none);
  });

  test.runIf(isComplete)('each layer that is refused is left out, and the others stay', async () => {
    // The commands lie in the test's own folder, which another user cannot read.
    const own = { ...sandbox.layers, otherUser: false };
    const refusing = (option: string) => `case "$*" in *${option}*) exit 1;; esac\nexec ${realPath('unshare')} "$@"`;
    const refused = { ...own, filesHidden: false, filesReadOnly: false };
    const withoutUser = { ...none, limits: true, noNewPrivileges: true };
    expect(await layersOf(pathWith({}, ['sh', 'setpriv', 'mount']))).toEqual(withoutUser);
    expect(await layersOf(pathWith({ unshare: 'exit 1' }))).toEqual(withoutUser);
    expect(await layersOf(pathWith({ unshare: refusing('--net') }))).toEqual({ ...own, networkNamespace: false });
    expect(await layersOf(pathWith({ unshare: refusing('--kill-child') }))).toEqual({ ...own, pidNamespace: false });
    expect(await layersOf(pathWith({ mount: 'exit 1' }))).toEqual(refused);
    // The tools stay visible in a cover, which is put together in /sys.
    const readOnly = `case "$*" in *' /sys') ;; *remount*) exit 1;; esac\nexec ${realPath('mount')} "$@"`;
    expect(await layersOf(pathWith({ mount: readOnly }))).toEqual({ ...own, filesReadOnly: false });
    // A command that says it has covered the folder, and has not.
    expect(await layersOf(pathWith({ mount: 'exit 0' }))).toEqual(refused);
    expect(await layersOf(pathWith({ setpriv: 'exit 1' }))).toEqual({ ...none, limits: true });
    // One that claims to have given up privileges, and has not.
    const lying = 'while case "$1" in --*) true;; *) false;; esac; do shift; done\nexec "$@"';
    expect(await layersOf(pathWith({ setpriv: lying }))).toEqual({ ...none, limits: true });
  });
});

describe('the service', () => {
  const logOf = (output: string) => output.split('\n').filter((line) => line.includes('decoder sandbox'));
  const sandboxOf = async (url: string) =>
    ((await (await fetch(`${url}/readyz`)).json()) as { decoder: { sandbox: object } }).decoder.sandbox;
  const check = async (url: string) => {
    const headers = { 'content-type': 'image/jpeg' };
    const body = readFileSync('test/fixtures/photographs/mate-dune.jpg');
    return (await (await fetch(`${url}/v1/check`, { method: 'POST', headers, body })).json()) as object;
  };

  test.runIf(isComplete)('says in one line of the log and in /readyz which layers are in force', async () => {
    const serving = await serve({ ZEEF_DATA_DIR: tempFolder('data'), ZEEF_DECODER_SANDBOX: 'require' });
    try {
      expect(await sandboxOf(serving.url)).toEqual(sandbox.layers);
      expect(await check(serving.url)).toMatchObject({ reason: 'no_list', image: { format: 'jpeg' } });
      await sandboxOf(serving.url);
      const lines = logOf(serving.output().toString('utf8'));
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0]!)).toMatchObject({ level: 30, sandbox: sandbox.layers });
    } finally {
      await serving.end('SIGTERM');
    }
  });

  test.runIf(isLinux)('auto starts where nothing is allowed, with a warning; require does not start', async () => {
    const nothing = { ZEEF_DATA_DIR: tempFolder('data'), PATH: tempFolder('bin') };
    const serving = await serve(nothing);
    try {
      expect(await sandboxOf(serving.url)).toEqual({ ...NO_SANDBOX.layers, permissionModel: true });
      expect(await check(serving.url)).toMatchObject({ reason: 'no_list', image: { format: 'jpeg' } });
      const [line, ...others] = logOf(serving.output().toString('utf8'));
      expect(others).toEqual([]);
      expect(JSON.parse(line!)).toMatchObject({ level: 40, missing: ['networkNamespace', 'filesHidden'] });
    } finally {
      await serving.end('SIGTERM');
    }
    const { code, output } = await run({ ...nothing, ZEEF_DECODER_SANDBOX: 'require' }, 'serve', '--port', '0');
    const text = output.toString('utf8');
    expect(code).toBe(2);
    expect(text.trim().split('\n')).toHaveLength(1);
    expect(text).toMatch(/CONFIG_INVALID.*ZEEF_DECODER_SANDBOX.*networkNamespace, filesHidden/);
    const image = 'test/fixtures/photographs/mate-dune.jpg';
    const once = await run({ ...nothing, ZEEF_DECODER_SANDBOX: 'require' }, 'check', image);
    expect(once.code).toBe(2);
    expect(once.output.toString('utf8')).toMatch(/CONFIG_INVALID/);
  });

  test.runIf(isLinux)('off starts the decoder without any layer', async () => {
    const serving = await serve({ ZEEF_DATA_DIR: tempFolder('data'), ZEEF_DECODER_SANDBOX: 'off' });
    try {
      expect(await sandboxOf(serving.url)).toEqual(NO_SANDBOX.layers);
      expect(await check(serving.url)).toMatchObject({ reason: 'no_list', image: { format: 'jpeg' } });
    } finally {
      await serving.end('SIGTERM');
    }
  });
});

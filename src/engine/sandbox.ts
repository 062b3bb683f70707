/**
 * Sandbox of decoder processes on Linux: the kernel's limits around code that reads hostile bytes.
 *
 * A chain of commands of util-linux, each of which executes the next in the same process; with process ids of its own the
 * decoder is the child of the one that made them, which ends with it. Each layer is tried once, before the first decoder starts; a layer that this
 * machine refuses is left out, and `layers` says so. Node's permission model restricts JavaScript only; the namespaces
 * restrict native code too.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join, sep } from 'node:path';
import { artefact } from '../core/package-root.js';
import { type Cover, coversOf, coverWords, programFolders } from './covers.js';
import { decoderEnv } from './decoder-env.js';
import { areChildrenListed } from './inner-pid.js';
import { ENTER, TRIAL } from './sandbox-scripts.js';

export interface SandboxLayers {
  /** No core files, and a bound on open files. */
  readonly limits: boolean;
  /** No set-user-id program gives privileges. */
  readonly noNewPrivileges: boolean;
  /** For a service that runs as root: the decoder runs as another user of the system. */
  readonly otherUser: boolean;
  /** Without a capability, and without access to the memory and environment of other processes. */
  readonly userNamespace: boolean;
  /** Without any network, loopback included. */
  readonly networkNamespace: boolean;
  /** It neither sees nor signals a process but its own. */
  readonly pidNamespace: boolean;
  /** No mount is writable. */
  readonly filesReadOnly: boolean;
  /** The data folder and the other hidden paths are covered by empty, read-only mounts. */
  readonly filesHidden: boolean;
  /** Node's own, for JavaScript: no writing, no programs, and where the decoder is sent bytes only, no files but its own. */
  readonly permissionModel: boolean;
}

type KernelLayer = Exclude<keyof SandboxLayers, 'permissionModel'>;

export interface Sandbox {
  readonly layers: SandboxLayers;
  /** Options of Node for the decoder process. */
  readonly nodeOptions: readonly string[];
  /** Return the command that runs a program inside. `program`: its absolute path and its arguments. */
  wrap(program: readonly string[]): readonly string[];
}

export interface SandboxOptions {
  /** The service's environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workers: number;
  /** Folders and files that the decoder must not see. */
  readonly hidden: readonly string[];
  /** The decoder reads files that it is sent the paths of: scans. Otherwise it reads the program only. */
  readonly readsFiles: boolean;
  /** False: as a service that does not run as root. */
  readonly mayChangeUser?: boolean;
}

export const NO_SANDBOX: Sandbox = {
  layers: {
    limits: false,
    noNewPrivileges: false,
    otherUser: false,
    userNamespace: false,
    networkNamespace: false,
    pidNamespace: false,
    filesReadOnly: false,
    filesHidden: false,
    permissionModel: false,
  },
  nodeOptions: [],
  wrap: (program) => program,
};

/** In the order in which they are added one by one, where not all are allowed at once; with those that each needs. */
const NEEDS: Readonly<Record<KernelLayer, readonly KernelLayer[]>> = {
  limits: [],
  noNewPrivileges: [],
  otherUser: [],
  userNamespace: ['noNewPrivileges'],
  networkNamespace: ['userNamespace'],
  pidNamespace: ['userNamespace'],
  // With capabilities the decoder could make the mounts writable, and take the covers off.
  filesReadOnly: ['userNamespace', 'noNewPrivileges'],
  filesHidden: ['userNamespace', 'noNewPrivileges'],
};
const KERNEL_LAYERS = Object.keys(NEEDS) as KernelLayer[];

/** A trial takes some tens of milliseconds; one that hangs must not hold the start of the service. */
const TRIAL_MS_MAX = 5_000;
/** Of the decoder alone: it could signal other processes of a user that other services share. */
const OTHER_USER_ID = 65_533;
/** CAP_KILL: without it the service could not end a decoder of another user. */
const KILL_CAPABILITY = 1n << 5n;
/** Node, its libraries and a main thread hold about 40 descriptors, a worker about 10 and the file that it reads. */
const DESCRIPTORS_BASE = 256;
const DESCRIPTORS_PER_WORKER = 32;
/** Read by packages that choose a binary for the system. */
const SYSTEM_FILES = ['/etc/alpine-release', '/usr/bin/ldd'];
/** Where POSIX has its commands, for a service without PATH. */
const DEFAULT_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

interface Tools {
  readonly mount: string;
  readonly setpriv: string;
  readonly sh: string;
  readonly unshare: string;
}

interface Plan {
  readonly tools: Tools;
  readonly covers: readonly Cover[];
  readonly workers: number;
}

/** Return the absolute path of a command; its bare name where it is missing, so that its trial fails. */
function commandPath(name: string, path: string): string {
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder));
  const isExecutable = (file: string) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? `/nowhere/${name}`;
}

/** Return whether this process is root, and can end a process of another user. */
function canChangeUser(): boolean {
  if (process.getuid?.() !== 0) return false;
  const [, effective = '0'] = /^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return (BigInt(`0x${effective}`) & KILL_CAPABILITY) !== 0n;
}

function permissionOptions(readsFiles: boolean): string[] {
  const known = process.allowedNodeEnvironmentFlags;
  const model = ['--permission', '--experimental-permission'].find((option) => known.has(option));
  if (model === undefined) return [];
  const folders = programFolders().map((folder) => folder + sep);
  // Some versions of Node read a comma as a separator, and an asterisk is a wildcard in all.
  const areReadable = !folders.some((folder) => /[,*]/.test(folder));
  const readable = readsFiles || !areReadable ? ['*'] : [...folders, ...SYSTEM_FILES];
  return [
    model,
    ...readable.map((path) => `--allow-fs-read=${path}`),
    // libvips and libjpeg-turbo are addons, and images are decoded in threads.
    '--allow-addons',
    '--allow-worker',
    // Newer versions count the socket to the service as network.
    ...(known.has('--allow-net') ? ['--allow-net'] : []),
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=SecurityWarning',
  ];
}

/** The chain of commands before the program. */
function chain(layers: ReadonlySet<KernelLayer>, { tools, covers, workers }: Plan): string[] {
  const words: string[] = [];
  if (layers.has('otherUser'))
    words.push(tools.setpriv, `--reuid=${OTHER_USER_ID}`, `--regid=${OTHER_USER_ID}`, '--clear-groups');
  const changesMounts = layers.has('filesReadOnly') || layers.has('filesHidden');
  if (layers.has('userNamespace')) {
    words.push(tools.unshare, '--user', '--map-root-user');
    if (layers.has('networkNamespace')) words.push('--net');
    if (changesMounts) words.push('--mount');
    if (layers.has('pidNamespace')) words.push('--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc');
  }
  if (layers.has('limits') || changesMounts) {
    const descriptors = layers.has('limits') ? String(DESCRIPTORS_BASE + DESCRIPTORS_PER_WORKER * workers) : '';
    const readOnly = layers.has('filesReadOnly') ? 'yes' : 'no';
    const hidden = layers.has('filesHidden') ? coverWords(covers) : [];
    words.push(tools.sh, '-c', ENTER, 'zeef-decoder', descriptors, tools.mount, readOnly, ...hidden, '--');
  }
  if (layers.has('noNewPrivileges')) {
    words.push(tools.setpriv, '--no-new-privs');
    if (layers.has('userNamespace')) words.push('--bounding-set=-all', '--inh-caps=-all');
  }
  return words;
}

/** The program of a trial, with its arguments. */
function trialOf(layers: ReadonlySet<KernelLayer>, { tools, covers }: Plan): string[] {
  const yesNo = (layer: KernelLayer) => (layers.has(layer) ? 'yes' : 'no');
  return [
    tools.sh,
    '-c',
    TRIAL,
    'zeef-trial',
    yesNo('noNewPrivileges'),
    yesNo('userNamespace'),
    yesNo('pidNamespace'),
    yesNo('filesReadOnly'),
    layers.has('otherUser') ? String(OTHER_USER_ID) : '',
    process.execPath,
    artefact('src', 'engine', 'decoder-main.js'),
    ...(layers.has('filesHidden') ? coverWords(covers) : []),
  ];
}

/** Run a trial; one that cannot be started fails. */
async function succeeds([file, ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const limits = { timeout: TRIAL_MS_MAX, killSignal: 'SIGKILL' } as const;
  try {
    // Some reasons are an event, and others, such as too long arguments, are thrown.
    const child = spawn(file!, args, { env, cwd: '/', stdio: 'ignore', ...limits });
    const [code] = (await once(child, 'exit')) as [code: number | null];
    return code === 0;
  } catch {
    return false;
  }
}

/** Try the layers on this machine, at most some tens of seconds where commands hang, and return those that work. */
export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  if (process.platform !== 'linux') return NO_SANDBOX;
  const { env, workers, readsFiles, mayChangeUser = canChangeUser() } = options;
  const path = env.PATH ?? DEFAULT_PATH;
  const [mount, setpriv, sh, unshare] = ['mount', 'setpriv', 'sh', 'unshare'].map((name) => commandPath(name, path));
  const tools: Tools = { mount: mount!, setpriv: setpriv!, sh: sh!, unshare: unshare! };
  const plan: Plan = { tools, workers, covers: coversOf(options, Object.values(tools)) };
  const works = (layers: ReadonlySet<KernelLayer>) =>
    succeeds([...chain(layers, plan), ...trialOf(layers, plan)], decoderEnv(env, workers));
  const isAllowed: Partial<Record<KernelLayer, boolean>> = {
    otherUser: mayChangeUser,
    pidNamespace: areChildrenListed(),
  };
  const wanted = KERNEL_LAYERS.filter((layer) => isAllowed[layer] ?? true);
  let layers: ReadonlySet<KernelLayer> = new Set(wanted);
  if (!(await works(layers))) {
    layers = new Set();
    for (const layer of wanted) {
      const more = new Set([...layers, layer]);
      if (NEEDS[layer].every((need) => layers.has(need)) && (await works(more))) layers = more;
    }
  }
  const before = chain(layers, plan);
  const nodeOptions = permissionOptions(readsFiles);
  const kernel = Object.fromEntries(KERNEL_LAYERS.map((layer) => [layer, layers.has(layer)])) as Record<
    KernelLayer,
    boolean
  >;
  return {
    layers: { ...kernel, permissionModel: nodeOptions.length > 0 },
    nodeOptions,
    wrap: (program) => [...before, ...program],
  };
}

/**
 * Sandbox of decoder processes on Linux: the kernel's limits around code that reads hostile bytes.
 *
 * A chain of commands of util-linux, each of which executes the next in the same process, so that the child's id, signals
 * and descriptors stay those of the decoder. Each layer is tried once, before the first decoder starts; a layer that this
 * machine refuses is left out, and `layers` says so. Node's permission model restricts JavaScript only; the namespaces
 * restrict native code too.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { artefact, PACKAGE_ROOT } from '../core/package-root.js';
import { decoderEnv } from './decoder-env.js';

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
  // With capabilities the decoder could take the covers off.
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
/** Where other programs keep sockets, keys and start-up files: a decoder that is sent bytes needs none of it. */
const FOLDERS_OF_OTHERS = ['/home', '/root', '/run', '/tmp', '/var/tmp'];
/** Read by packages that choose a binary for the system. */
const SYSTEM_FILES = ['/etc/alpine-release', '/usr/bin/ldd'];
/** Where POSIX has its commands, for a service without PATH. */
const DEFAULT_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Arguments: descriptors, or '' for no limits; the `mount` command; hidden paths; `--`; the program.
 * It ends with an error where a path cannot be covered: the decoder does not run without its covers.
 */
const ENTER = `set -e
if [ -n "$1" ]; then ulimit -c 0; ulimit -n "$1"; fi
mount=$2
shift 2
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then "$mount" -t tmpfs -o ro,nosuid,nodev,noexec,mode=0555,size=4k zeef-hidden "$1"
  elif [ -e "$1" ]; then "$mount" --bind /dev/null "$1"
  fi
  shift
done
shift
# A folder that is covered can still be reached as the working folder.
cd /
exec "$@"`;

/**
 * The program of a trial: it succeeds where the layers are in force and the decoder can be read.
 * Arguments: `yes` or `no` for no new privileges, and for a user namespace; the user's id outside of it, or ''; Node; the
 * decoder's file; hidden paths.
 */
const TRIAL = `[ -x "$4" ] && [ -r "$5" ] || exit 1
while read -r name value rest; do
  case $1$name$value in yesNoNewPrivs:0) exit 2 ;; esac
  case $2$name$value in yesCapEff:*[1-9a-f]*) exit 3 ;; esac
  if [ "$name" = Uid: ]; then user=$value; fi
done </proc/self/status
if [ "$2" = yes ]; then read -r inside user rest </proc/self/uid_map; fi
[ -z "$3" ] || [ "$3" = "$user" ] || exit 5
shift 5
for path; do
  if [ -d "$path" ]; then for inside in "$path"/* "$path"/.[!.]*; do [ ! -e "$inside" ] || exit 4; done
  else [ ! -s "$path" ] || exit 4
  fi
done`;

interface Tools {
  readonly mount: string;
  readonly setpriv: string;
  readonly sh: string;
  readonly unshare: string;
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

const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Return the folders of the program: its own, and those of its packages. */
function programFolders(): string[] {
  const folders = new Set([PACKAGE_ROOT]);
  for (let folder = PACKAGE_ROOT; ; folder = dirname(folder)) {
    const packages = join(folder, 'node_modules');
    if (existsSync(packages)) folders.add(packages).add(realPath(packages));
    if (folder === dirname(folder)) return [...folders];
  }
}

/**
 * Return the paths to cover. The folder of a secret file is covered where nothing else is needed from it: a file that is
 * replaced by another of its name would show through a cover of its own.
 */
function pathsToCover({ hidden, readsFiles, env }: SandboxOptions, tools: Tools): string[] {
  const preloaded = (env.LD_PRELOAD ?? '').split(/[: ]/).filter((path) => isAbsolute(path));
  const needed = [process.execPath, ...Object.values(tools), ...preloaded, ...programFolders()];
  const isNeeded = (folder: string) => [...needed, ...needed.map(realPath)].some((path) => isInside(path, folder));
  const isTop = (folder: string) => dirname(folder) === dirname(dirname(folder));
  const places = hidden.flatMap((path) => [resolve(path), realPath(resolve(path))]).filter((path) => existsSync(path));
  const covers = places.map((path) => {
    const folder = dirname(path);
    return isFolder(path) || isTop(folder) || isNeeded(folder) ? path : folder;
  });
  const others = readsFiles
    ? []
    : FOLDERS_OF_OTHERS.filter((folder) => existsSync(folder) && !isNeeded(realPath(folder)));
  const all = [...new Set([...covers, ...others].map(realPath))];
  // What is below a cover is covered.
  return all.filter((path) => !all.some((other) => other !== path && isInside(path, other)));
}

function isFolder(path: string): boolean {
  return statSync(path).isDirectory();
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
function chain(layers: ReadonlySet<KernelLayer>, tools: Tools, covers: readonly string[], workers: number): string[] {
  const words: string[] = [];
  if (layers.has('otherUser'))
    words.push(tools.setpriv, `--reuid=${OTHER_USER_ID}`, `--regid=${OTHER_USER_ID}`, '--clear-groups');
  if (layers.has('userNamespace')) {
    words.push(tools.unshare, '--user', '--map-root-user');
    if (layers.has('networkNamespace')) words.push('--net');
    if (layers.has('filesHidden')) words.push('--mount');
  }
  if (layers.has('limits') || layers.has('filesHidden')) {
    const descriptors = layers.has('limits') ? String(DESCRIPTORS_BASE + DESCRIPTORS_PER_WORKER * workers) : '';
    const hidden = layers.has('filesHidden') ? covers : [];
    words.push(tools.sh, '-c', ENTER, 'zeef-decoder', descriptors, tools.mount, ...hidden, '--');
  }
  if (layers.has('noNewPrivileges')) {
    words.push(tools.setpriv, '--no-new-privs');
    if (layers.has('userNamespace')) words.push('--bounding-set=-all', '--inh-caps=-all');
  }
  return words;
}

/** Try the layers on this machine, at most some tens of seconds where commands hang, and return those that work. */
export function openSandbox(options: SandboxOptions): Sandbox {
  if (process.platform !== 'linux') return NO_SANDBOX;
  const { env, workers, readsFiles, mayChangeUser = canChangeUser() } = options;
  const path = env.PATH ?? DEFAULT_PATH;
  const [mount, setpriv, sh, unshare] = ['mount', 'setpriv', 'sh', 'unshare'].map((name) => commandPath(name, path));
  const tools: Tools = { mount: mount!, setpriv: setpriv!, sh: sh!, unshare: unshare! };
  const covers = pathsToCover(options, tools);
  const works = (layers: ReadonlySet<KernelLayer>): boolean => {
    const yesNo = (layer: KernelLayer) => (layers.has(layer) ? 'yes' : 'no');
    const user = layers.has('otherUser') ? String(OTHER_USER_ID) : '';
    const hidden = layers.has('filesHidden') ? covers : [];
    const main = artefact('src', 'engine', 'decoder-main.js');
    const program = [
      tools.sh,
      '-c',
      TRIAL,
      'zeef-trial',
      yesNo('noNewPrivileges'),
      yesNo('userNamespace'),
      user,
      process.execPath,
      main,
      ...hidden,
    ];
    const [file, ...args] = [...chain(layers, tools, covers, workers), ...program];
    const trial = {
      env: decoderEnv(env, workers),
      stdio: 'ignore',
      timeout: TRIAL_MS_MAX,
      killSignal: 'SIGKILL',
    } as const;
    return spawnSync(file!, args, trial).status === 0;
  };
  const wanted = KERNEL_LAYERS.filter((layer) => layer !== 'otherUser' || mayChangeUser);
  let layers: ReadonlySet<KernelLayer> = new Set(wanted);
  if (!works(layers)) {
    layers = new Set();
    for (const layer of wanted) {
      const more = new Set([...layers, layer]);
      if (NEEDS[layer].every((need) => layers.has(need)) && works(more)) layers = more;
    }
  }
  const before = chain(layers, tools, covers, workers);
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

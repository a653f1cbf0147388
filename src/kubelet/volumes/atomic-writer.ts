/**
 * The files of ConfigMaps, Secrets, tokens and the downward API, replaced all at once (upstream's pkg/volume/util/atomic_writer.go):
 *
 *     <volume>/
 *       ..2026_11_22_08_30_00.a1b2c3/     the files of one version
 *       ..data -> ..2026_11_22_08_30_00.a1b2c3
 *       user.conf -> ..data/user.conf     what the container looks at
 *
 * A new version is written beside the old; renaming `..data` over the old link is the one moment of change. Whatever an interrupted
 * write left behind is removed by the next.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeTree } from '../../host/remove-tree.ts';
import { checkPayload, type Payload, type PayloadFile } from './payload.ts';

const DATA = '..data';
const NEW_DATA = '..data_tmp';
const VERSION = /^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.[0-9a-f]+$/;

export interface AtomicWriteOptions {
  readonly nowMs: number;
  /** Called with the directory of a new version before anybody sees it: for groups and modes. */
  readonly beforeSwap?: (versionDirectory: string) => Promise<void>;
  /** The steps that change something; a test lets one of them fail. */
  readonly steps?: AtomicWriteSteps;
}

export interface AtomicWriteSteps {
  makeDirectory(path: string): Promise<void>;
  writeFile(path: string, file: PayloadFile): Promise<void>;
  link(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  removeTree(path: string): Promise<void>;
}

const realSteps: AtomicWriteSteps = {
  async makeDirectory(path) {
    await mkdir(path);
    // The mode given to mkdir is cut by the umask; group and others must be able to enter.
    await chmod(path, 0o755);
  },
  async writeFile(path, { data, mode, uid }) {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(data);
      await file.chmod(mode);
      if (uid !== undefined) await chown(path, uid, -1);
    } finally {
      await file.close();
    }
  },
  link: symlink,
  rename,
  unlink,
  removeTree,
};

/** Whether a payload has ever been written there completely. */
export async function hasPayload(directory: string): Promise<boolean> {
  return (await currentVersion(directory)) !== undefined;
}

/**
 * Makes `directory` show exactly `payload`; answers false when it did so already. Never two at a time for one directory.
 *
 * @throws Error for a path that the volume may not have, before anything is changed
 */
export async function writePayload(directory: string, given: Payload, options: AtomicWriteOptions): Promise<boolean> {
  const { steps = realSteps } = options;
  const payload = checkPayload(given);
  const before = await currentVersion(directory);
  const changed = !before || !(await holds(join(directory, before), payload));
  let version = before;
  if (changed) {
    version = versionName(options.nowMs);
    await writeVersion(join(directory, version), payload, steps);
    await options.beforeSwap?.(join(directory, version));
    await makeLinks(directory, payload, steps);
    await unlinkIfThere(join(directory, NEW_DATA), steps);
    await steps.link(version, join(directory, NEW_DATA));
    await steps.rename(join(directory, NEW_DATA), join(directory, DATA));
  } else await makeLinks(directory, payload, steps);
  await sweep(directory, payload, version, steps);
  return changed;
}

async function currentVersion(directory: string): Promise<string | undefined> {
  try {
    const target = await readlink(join(directory, DATA));
    return VERSION.test(target) ? target : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const versionName = (nowMs: number) =>
  `..${new Date(nowMs).toISOString().slice(0, 19).replace(/[-T:]/g, '_')}.${randomBytes(5).toString('hex')}`;

async function holds(version: string, payload: Payload): Promise<boolean> {
  const entries = await readdir(version, { recursive: true, withFileTypes: true });
  if (entries.filter((entry) => !entry.isDirectory()).length !== payload.size) return false;
  for (const [path, { data }] of payload) {
    const written = await readFile(join(version, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined;
      throw error;
    });
    if (!written || Buffer.compare(written, data) !== 0) return false;
  }
  return true;
}

async function writeVersion(version: string, payload: Payload, steps: AtomicWriteSteps): Promise<void> {
  await steps.makeDirectory(version);
  const made = new Set(['.']);
  for (const [path, file] of payload) {
    for (const parent of parents(path)) {
      if (made.has(parent)) continue;
      await steps.makeDirectory(join(version, parent));
      made.add(parent);
    }
    await steps.writeFile(join(version, path), file);
  }
}

/** `a/b/c` → `a`, `a/b`. */
function parents(path: string): string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...parents(parent), parent];
}

const firstNames = (payload: Payload) => new Set([...payload.keys()].map((path) => path.split('/', 1)[0]!));

/** What the container sees: links that lead through `..data`, so that they need never change. */
async function makeLinks(directory: string, payload: Payload, steps: AtomicWriteSteps): Promise<void> {
  const there = new Set(await readdir(directory));
  for (const name of firstNames(payload)) if (!there.has(name)) await steps.link(join(DATA, name), join(directory, name));
}

/** Links of files that are no more, and versions that nobody sees. */
async function sweep(directory: string, payload: Payload, version: string | undefined, steps: AtomicWriteSteps): Promise<void> {
  const wanted = firstNames(payload);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (name === DATA || name === version || wanted.has(name)) continue;
    if (VERSION.test(name)) await steps.removeTree(path);
    else if (name === NEW_DATA || !name.startsWith('..')) await unlinkIfThere(path, steps);
  }
}

async function unlinkIfThere(path: string, steps: AtomicWriteSteps): Promise<void> {
  try {
    await steps.unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

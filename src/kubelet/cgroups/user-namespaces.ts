import { readdir, readFile, rm } from 'node:fs/promises';
import { release as kernelRelease } from 'node:os';
import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import { PodPartError } from '../pods/pod-parts.ts';
import { type PodPaths, podDirectory } from '../pods/pod-paths.ts';
import type { SandboxPreparation } from '../runtime/preparation.ts';
import { type IdRange, idRangeOf } from './sub-ids.ts';

export type IdMappings = NonNullable<SandboxPreparation['idMappings']>;

/** Ranges of user and group ids for pods with `hostUsers: false`, one a pod, remembered in the pod's directory. */
export interface UserNamespaces {
  /** Undefined for a pod in the host's. Rejects with reason `CreateContainerConfigError` when it cannot have one. */
  mappingsOf(pod: V1Pod): Promise<IdMappings | undefined>;
  release(podUid: string): Promise<void>;
}

export interface UserNamespacesOptions {
  readonly paths: PodPaths;
  readonly maxPods: number;
  /** `userNamespaces.idsPerPod`, a multiple of 65536. Default 65536. */
  readonly idsPerPod?: number;
  /** Whether the runtime can, with this handler (RuntimeClass); asked before each first use. */
  readonly supported: (handler: string) => Promise<boolean>;
  readonly logger: Logger;
  /** Default: the kernel's version. */
  readonly kernelVersion?: string;
  /** The files of subordinate ids; default `/etc/subuid` and `/etc/subgid`. */
  readonly subIdFiles?: { readonly uids: string; readonly gids: string };
}

export const IDS_PER_POD = 65_536;
/** The file in the pod's directory, in upstream's form. */
const FILE = 'userns';

export function createUserNamespaces(options: UserNamespacesOptions): UserNamespaces {
  const { paths, logger } = options;
  const length = options.idsPerPod ?? IDS_PER_POD;
  const taken = new Map<string, number>();
  let opened: Promise<IdRange> | undefined;
  /** Ranges are given out one at a time. */
  let turn: Promise<unknown> = Promise.resolve();

  const fileOf = (uid: string) => join(podDirectory(paths, uid), FILE);

  async function open(): Promise<IdRange> {
    const files = options.subIdFiles ?? { uids: '/etc/subuid', gids: '/etc/subgid' };
    const read = (path: string) =>
      readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''; // nobody has ranges, which is told
        throw error;
      });
    const range = idRangeOf({ uids: await read(files.uids), gids: await read(files.gids), length, maxPods: options.maxPods });
    if (olderThan(options.kernelVersion ?? kernelRelease(), 6, 3))
      logger.warn('The kernel is older than 6.3: user namespaces of pods (hostUsers: false) may not work with all volumes');
    for (const uid of await podsOnDisk()) {
      const first = await firstIdOf(uid);
      if (first !== undefined) taken.set(uid, first);
    }
    return range;
  }

  async function podsOnDisk(): Promise<string[]> {
    return readdir(join(paths.root, 'pods')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  }

  async function firstIdOf(uid: string): Promise<number | undefined> {
    const text = await readFile(fileOf(uid), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    return text === undefined ? undefined : parseMappings(text, length);
  }

  async function allocate(uid: string): Promise<number> {
    opened ??= open();
    const range = await opened.catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    const own = taken.get(uid);
    if (own !== undefined) return own;
    const used = new Set(taken.values());
    let first = range.first;
    while (used.has(first)) first += length;
    if (first + length > range.first + range.count) throw new Error('could not find an empty slot to allocate a user namespace');
    const mapping = { hostId: first, containerId: 0, length };
    await writeFileAtomic(fileOf(uid), JSON.stringify({ uidMappings: [mapping], gidMappings: [mapping] }), { mode: 0o600 });
    taken.set(uid, first);
    return first;
  }

  return {
    async mappingsOf(pod) {
      if (pod.spec?.hostUsers !== false) return undefined;
      const uid = pod.metadata?.uid ?? '';
      const handler = pod.spec.runtimeClassName ?? '';
      if (!(await options.supported(handler)))
        throw new PodPartError(
          'CreateContainerConfigError',
          handler === ''
            ? "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
            : `can't set \`spec.hostUsers: false\`, RuntimeClass handler ${JSON.stringify(handler)} does not support user namespaces`,
        );
      // Whoever asked before has been told of its own failure.
      const next = turn.catch(() => undefined).then(() => allocate(uid));
      turn = next;
      const hostId = await next.catch((cause: Error) => {
        throw new PodPartError('CreateContainerConfigError', `create user namespace: ${cause.message}`, { cause });
      });
      const mappings = [{ hostId, containerId: 0, length }];
      return { uids: mappings, gids: mappings };
    },
    async release(podUid) {
      taken.delete(podUid);
      await rm(fileOf(podUid), { force: true });
    },
  };
}

/** @throws CodedError for a file that this kubelet, or upstream's, would not have written */
function parseMappings(text: string, length: number): number {
  type Written = { uidMappings?: { hostId?: unknown; containerId?: unknown; length?: unknown }[] };
  let written: Written | undefined;
  try {
    written = JSON.parse(text) as Written;
  } catch {
    // told below
  }
  const mapping = written?.uidMappings?.[0];
  if (typeof mapping?.hostId !== 'number' || mapping.containerId !== 0 || mapping.length !== length)
    throw new CodedError(`invalid user namespace mappings file: ${text.slice(0, 200)}`, { code: 'USER_NAMESPACE_INVALID' });
  return mapping.hostId;
}

function olderThan(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a < major || (a === major && b < minor);
}

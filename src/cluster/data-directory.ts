import { existsSync, lstatSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../std/atomic-file.ts';
import { CodedError } from '../std/coded-error.ts';
import { makeDirectories } from '../std/directories.ts';
import { MUSTER_VERSION } from '../std/version.ts';
import type { EtcdFiles, NetworkPlugin } from './options.ts';

/** Raised when the files of a data directory change in a way that older or newer code cannot read. */
export const DATA_FORMAT = 1;

/** What a cluster remembers of itself between two starts, besides keys and the store. */
export interface ClusterRecord {
  readonly name: string;
  /** Where the API server listens; nodes' kubeconfigs point there. */
  readonly port: number;
  readonly nodes: readonly NodeRecord[];
  /** When its objects are not below the data directory. */
  readonly etcd?: EtcdRecord;
}

export interface EtcdRecord {
  readonly servers: string;
  readonly files: EtcdFiles;
}

export interface NodeRecord {
  readonly name: string;
  /** Where its kubelet listens. */
  readonly address: string;
  readonly port: number;
  /** Of this machine as a node: what its pods leave on it, and where they run. */
  readonly real?: RealNodeRecord;
}

export interface RealNodeRecord {
  /** Of the container runtime: `unix:///run/containerd/containerd.sock`. */
  readonly endpoint: string;
  readonly cgroupRoot: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly network: {
    readonly name: string;
    readonly bridge: string;
    readonly configurationDirectory: string;
    /** Of all nodes' pods; undefined in records of before there was a choice. */
    readonly podRange?: string;
    /** As it was asked for; undefined: a bridge, unless a network is there. */
    readonly plugin?: NetworkPlugin;
  };
}

/** The one owner of a cluster's directory until `close`. */
export interface DataDirectory {
  readonly path: string;
  /** Undefined when nothing has been recorded yet. */
  readonly record: ClusterRecord | undefined;
  save(record: ClusterRecord): Promise<void>;
  /** Gives the directory to whoever wants it next; a temporary one is deleted. */
  close(): Promise<void>;
}

const RECORD = 'cluster.json';

/** What a cluster keeps in it besides; there as soon as one has had the directory, however that ended. */
const LOCK = 'lock';
const KEPT = ['pki', 'store', 'nodes', 'volumes'];

/**
 * A directory that holds what is called like a cluster's, and is none's, is somebody else's: `/etc/kubernetes` has a `pki`, too. A cluster would take
 * its authority for its own, and `muster down` would delete it.
 *
 * @throws CodedError DATA_FOREIGN
 */
export function refuseForeignDirectory(path: string): void {
  if (existsSync(join(path, RECORD)) || isOwnLock(join(path, LOCK))) return;
  const found = [...KEPT, LOCK].find((name) => existsSync(join(path, name)));
  if (found !== undefined)
    throw new CodedError(`${path} is no cluster's directory, and holds a "${found}" of somebody else's; choose another one`, {
      code: 'DATA_FOREIGN',
    });
}

/** Nothing is ever written to it. */
function isOwnLock(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === 0;
}

/**
 * Opens a directory for one cluster, made when it is not there.
 *
 * @throws CodedError DATA_LOCKED when another process has it, DATA_INCOMPATIBLE when another version wrote it, DATA_FOREIGN
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  refuseForeignDirectory(path);
  await makeDirectories(path, 0o700);
  // Loads SQLite, which a cluster in memory has no need of.
  const { lockDirectory } = await import('./process-lock.ts');
  const unlock = lockDirectory(path);
  try {
    let record = await readRecord(join(path, RECORD));
    return {
      path,
      get record() {
        return record;
      },
      async save(next) {
        const document = { format: DATA_FORMAT, writtenBy: `muster ${MUSTER_VERSION}`, ...next };
        await writeFileAtomic(join(path, RECORD), `${JSON.stringify(document, null, 2)}\n`, { mode: 0o600 });
        record = next;
      },
      close: async () => unlock(),
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A directory that nobody else knows of, deleted on close; for clusters that keep nothing. */
export async function openTemporaryDirectory(): Promise<DataDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'muster-'));
  let record: ClusterRecord | undefined;
  return {
    path,
    get record() {
      return record;
    },
    async save(next) {
      record = next;
    },
    close: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** What the record says; undefined when there is none. @throws CodedError as `parseRecord` */
export async function readRecord(file: string): Promise<ClusterRecord | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseRecord(text, file);
}

/** @throws CodedError DATA_INCOMPATIBLE, DATA_CORRUPT */
export function parseRecord(text: string, file: string): ClusterRecord {
  let document: Partial<ClusterRecord> & { format?: unknown; writtenBy?: unknown };
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new CodedError(`${file} is not the record of a cluster: ${(cause as Error).message}`, { code: 'DATA_CORRUPT', cause });
  }
  if (document.format !== DATA_FORMAT)
    throw new CodedError(
      `${file} has data format ${String(document.format)} (written by ${String(document.writtenBy ?? 'an unknown version')}), muster ${MUSTER_VERSION} reads ${DATA_FORMAT}; use the version that wrote it, or another data directory`,
      { code: 'DATA_INCOMPATIBLE' },
    );
  const { name, port, nodes, etcd } = document;
  if (typeof name !== 'string' || typeof port !== 'number' || !Array.isArray(nodes))
    throw new CodedError(`${file} lacks the name, port or nodes of the cluster`, { code: 'DATA_CORRUPT' });
  return {
    name,
    port,
    nodes: nodes.map(({ real, ...node }) => ({
      name: String(node.name),
      address: String(node.address),
      port: Number(node.port),
      ...(real && { real }),
    })),
    ...(etcd && { etcd }),
  };
}

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkPlugin } from '../../cluster/options.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { StoreSpec } from '../../store/open-store.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

/** What a running cluster says of itself in its directory. */
export interface DaemonState extends ProcessIdentity {
  readonly state: 'starting' | 'ready';
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** The rest once it is ready. */
  readonly server?: string;
  readonly nodes?: readonly string[];
  /** The one of them whose pods run on this machine. */
  readonly realNode?: string;
  /** Of its pods, when it was asked for. */
  readonly network?: NetworkPlugin;
  readonly readyMs?: number;
  readonly store?: StoreSpec;
  /** Versions of the API that are on or off besides the default ones. */
  readonly runtimeConfig?: Readonly<Record<string, string | boolean>>;
  readonly legacyServiceAccountTokens?: boolean;
}

const FILE = 'process.json';

export async function writeDaemonState(directory: string, state: DaemonState): Promise<void> {
  await writeFileAtomic(join(directory, FILE), `${JSON.stringify(state)}\n`, { mode: 0o600 });
}

export async function removeDaemonState(directory: string): Promise<void> {
  await rm(join(directory, FILE), { force: true });
}

/**
 * What the cluster in `directory` says of itself; undefined when none runs there, whatever a killed one or a damaged disk left
 * written: whether somebody has the directory is known by its lock.
 */
export async function readDaemonState(directory: string): Promise<DaemonState | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, FILE), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  const state = parseState(text);
  return state && isRunning(state) ? state : undefined;
}

function parseState(text: string): DaemonState | undefined {
  try {
    const state = JSON.parse(text) as Partial<DaemonState> | null;
    return typeof state?.pid === 'number' && typeof state.startTime === 'string' ? (state as DaemonState) : undefined;
  } catch {
    return undefined; // cut off: nothing that was written whole says that a cluster runs
  }
}

import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { checkClusterName, clusterDirectory, clusterNames } from '../local/cluster-home.ts';
import { readDaemonState } from '../local/daemon-state.ts';
import { deleteData, removeLink } from '../local/delete-data.ts';
import { removeContext } from '../local/kubeconfig-file.ts';
import { kubeconfigsWritten } from '../local/kubeconfigs-written.ts';
import { isRunning, type ProcessIdentity } from '../local/process-identity.ts';
import { NAME_FLAG } from '../up/up-options.ts';

/** `muster down`. */
export const downCommand: ComponentCommand = {
  name: 'down',
  summary: 'Stops a cluster, takes its context out of the kubeconfig and deletes its data.',
  flags: [
    NAME_FLAG,
    { name: 'all', type: 'bool', description: 'every cluster of this user, whatever its name' },
    { name: 'keep-data', type: 'bool', description: 'only stop it; "muster up" starts the same cluster again' },
  ],
  run: down,
};

const STOP_WAIT_MS = 30_000;
const POLL_MS = 10;

async function down(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const keepData = flags.values.bool('keep-data');
  if (!flags.values.bool('all')) return downOne(checkClusterName(flags.values.string('name')), keepData, io);
  if (flags.isSet('name')) throw new FlagError('--all', '--all and --name exclude each other');
  const names = await clusterNames(io.env);
  if (names.length === 0) io.stdout('There are no clusters\n');
  const failures: unknown[] = [];
  for (const name of names) await downOne(name, keepData, io).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures);
  return 0;
}

async function downOne(name: string, keepData: boolean, io: CommandIo): Promise<number> {
  io.signal.throwIfAborted();
  const entry = clusterDirectory(io.env, name);
  if (keepData && existsSync(entry)) {
    const directory = realpathSync(entry);
    const what = (await stopProcess(directory, io)) ? 'is stopped' : 'was not running';
    io.stdout(`Cluster "${name}" ${what}; its data stays in ${directory}\n`);
    return 0;
  }
  const owned = await takeOver(entry, io);
  if (!owned) {
    await removeLink(entry); // to data that is gone
    io.stdout(`There is no cluster "${name}"\n`);
    return 0;
  }
  try {
    return await deleteCluster(name, entry, owned, io);
  } finally {
    owned.giveBack();
  }
}

/** The directory of a cluster that has been stopped, kept from everybody else. */
interface OwnedDirectory {
  readonly path: string;
  readonly wasRunning: boolean;
  giveBack(): void;
}

/**
 * Stops what runs in the directory and takes it. Somebody else may have it without having said so yet: an `up` that begins, whose
 * process would go on in a directory that is gone, or another `down`. Undefined when there is no directory (any more).
 *
 * @throws CodedError DATA_LOCKED when it does not become free
 */
async function takeOver(entry: string, io: CommandIo): Promise<OwnedDirectory | undefined> {
  const { lockDirectory } = await import('../../cluster/process-lock.ts');
  const endMs = io.clock.now() + STOP_WAIT_MS;
  let wasRunning = false;
  for (;;) {
    if (!existsSync(entry)) return undefined;
    try {
      const path = realpathSync(entry);
      if (await stopProcess(path, io)) wasRunning = true;
      return { path, wasRunning, giveBack: lockDirectory(path) };
    } catch (error) {
      if (!existsSync(entry)) return undefined;
      if (!(error instanceof CodedError && error.code === 'DATA_LOCKED') || io.clock.now() > endMs) throw error;
    }
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

async function deleteCluster(name: string, entry: string, owned: OwnedDirectory, io: CommandIo): Promise<number> {
  const { path: directory, wasRunning } = owned;
  await removeRealNodes(directory, io);
  const { readRecord } = await import('../../cluster/data-directory.ts');
  // Damaged or of another version: it is deleted whatever it says.
  const record = await readRecord(join(directory, 'cluster.json')).catch(() => undefined);
  const left: string[] = [];
  for (const path of await kubeconfigsWritten(directory))
    await removeContext(path, name, io.clock).catch((error: Error) => left.push(`${path}: ${error.message}`));
  await deleteData(directory, entry);
  io.stdout(`Cluster "${name}" is ${wasRunning ? 'stopped and ' : ''}deleted\n`);
  if (record?.etcd)
    io.stdout(`Its objects stay in the etcd at ${record.etcd.servers}: "etcdctl del /registry/ --prefix" deletes them\n`);
  if (left.length > 0)
    throw new CodedError(
      `the context "${name}" could not be taken out of ${left.join('; ')}; "kubectl config delete-context ${name}" does it`,
      { code: 'KUBECONFIG_UNWRITABLE' },
    );
  return 0;
}

/** Stops the process that runs the cluster in a directory; false when none does. */
async function stopProcess(directory: string, io: CommandIo): Promise<boolean> {
  const state = await readDaemonState(directory);
  if (state) await endProcess(state, io);
  return state !== undefined;
}

/** Ends exactly this process: in order first, and with force when it does not end. */
async function endProcess(state: ProcessIdentity, io: CommandIo): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!isRunning(state)) return;
    if (signal === 'SIGKILL') io.stderr(`process ${state.pid} did not end within ${STOP_WAIT_MS / 1000} s and is killed\n`);
    try {
      process.kill(state.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw new CodedError(
        `cannot stop process ${state.pid} of the cluster: ${(error as Error).message}; run "muster down" as the user who started it`,
        {
          code: 'STOP_FORBIDDEN',
          cause: error,
        },
      );
    }
    const endMs = io.clock.now() + STOP_WAIT_MS;
    while (isRunning(state) && io.clock.now() < endMs) await io.clock.sleep(POLL_MS, io.signal);
  }
  if (isRunning(state)) throw new CodedError(`process ${state.pid} of the cluster cannot be ended`, { code: 'STOP_FAILED' });
}

/** What a node whose pods run has left on this machine; files are deleted last, since they say what there is. */
async function removeRealNodes(directory: string, { clock, stderr }: CommandIo): Promise<void> {
  const { readRecord } = await import('../../cluster/data-directory.ts');
  const file = join(directory, 'cluster.json');
  const record = await readRecord(file).catch((error: Error) => {
    stderr(`${file} cannot be read, so pods of a real node would stay: ${error.message}\n`);
  });
  const real = record?.nodes.filter((node) => node.real) ?? [];
  if (real.length === 0) return;
  const { removeRealNode } = await import('../../cluster/real-node/remove-real-node.ts');
  for (const node of real) await removeRealNode(node, directory, clock);
}

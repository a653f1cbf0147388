import { existsSync, realpathSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import type { ParsedFlags } from '../../std/flags.ts';
import { checkClusterName, clusterDirectory } from '../local/cluster-home.ts';
import { readDaemonState } from '../local/daemon-state.ts';
import { removeContext } from '../local/kubeconfig-file.ts';
import { kubeconfigsWritten } from '../local/kubeconfigs-written.ts';
import { isRunning, type ProcessIdentity } from '../local/process-identity.ts';
import { NAME_FLAG } from '../up/up-options.ts';

/** `muster down`. */
export const downCommand: ComponentCommand = {
  name: 'down',
  summary: 'Stops a cluster, takes its context out of the kubeconfig and deletes its data.',
  flags: [NAME_FLAG, { name: 'keep-data', type: 'bool', description: 'only stop it; "muster up" starts the same cluster again' }],
  run: down,
};

const STOP_WAIT_MS = 30_000;
const POLL_MS = 10;
/** All that a cluster makes in its directory; a directory that was given may hold other people's files too. */
const OWN_FILES = [
  'cluster.json',
  'process.json',
  'kubeconfigs.json',
  'admin.kubeconfig',
  'cluster.log',
  'cluster.log.1',
  'lock',
  'pki',
  'store',
  'nodes',
];

async function down(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const name = checkClusterName(flags.values.string('name'));
  const entry = clusterDirectory(io.env, name);
  if (!existsSync(entry)) {
    await rm(entry, { force: true }); // a link to data that is gone
    io.stdout(`There is no cluster "${name}"\n`);
    return 0;
  }
  const directory = realpathSync(entry);
  const state = await readDaemonState(directory);
  if (state) await stopProcess(state, io);
  if (flags.values.bool('keep-data')) {
    io.stdout(
      state
        ? `Cluster "${name}" is stopped; its data stays in ${directory}\n`
        : `Cluster "${name}" was not running; its data stays in ${directory}\n`,
    );
    return 0;
  }
  // A process that did not say that it has the directory would go on in one that is gone.
  const { lockDirectory } = await import('../../cluster/process-lock.ts');
  lockDirectory(directory)();
  await removeRealNodes(directory, io);
  const { readRecord } = await import('../../cluster/data-directory.ts');
  // Damaged or of another version: it is deleted whatever it says.
  const record = await readRecord(join(directory, 'cluster.json')).catch(() => undefined);
  for (const path of await kubeconfigsWritten(directory)) await removeContext(path, name, io.clock);
  await deleteData(directory);
  await rm(entry, { force: true, recursive: true });
  io.stdout(`Cluster "${name}" is ${state ? 'stopped and ' : ''}deleted\n`);
  if (record?.etcd)
    io.stdout(`Its objects stay in the etcd at ${record.etcd.servers}: "etcdctl del /registry/ --prefix" deletes them\n`);
  return 0;
}

/** Ends exactly the process that runs the cluster: in order first, and with force when it does not end. */
async function stopProcess(state: ProcessIdentity, io: CommandIo): Promise<void> {
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

async function deleteData(directory: string): Promise<void> {
  for (const name of OWN_FILES) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
  const left = await readdir(directory);
  if (left.length === 0) await rmdir(directory);
}

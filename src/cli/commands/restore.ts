import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { makeDirectories } from '../../std/directories.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { readManifest, unpackArchive } from '../backup/archive.ts';
import { readKeyFile } from '../backup/key-file.ts';
import { checkClusterName, clusterDirectory, clustersDirectory, registerDirectory } from '../local/cluster-home.ts';
import { NAME_FLAG } from '../up/up-options.ts';

/** `muster restore`. */
export const restoreCommand: ComponentCommand = {
  name: 'restore',
  arguments: 'FILE',
  summary: 'Brings back what "muster backup" kept: a cluster, for "muster up" to start, or etcd with the files beside it.',
  flags: [
    { ...NAME_FLAG, description: 'the cluster; its name cannot change' },
    { name: 'data-dir', type: 'string', description: 'where the data of a cluster goes; must not be there yet' },
    {
      name: 'to',
      type: 'string',
      description: 'of a backup of etcd: the directory for all that it holds; must not be there yet',
    },
    { name: 'key-file', type: 'string', description: 'the key that the backup was sealed with' },
  ],
  run,
};

async function run(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { values, isSet } = flags;
  const [given, more] = flags.args;
  if (given === undefined) throw new FlagError('FILE', 'say which backup is to come back: muster restore FILE');
  if (more !== undefined) throw new FlagError(more, `unexpected argument ${JSON.stringify(more)}`);
  const file = resolve(io.cwd, given);
  const key = await readKeyFile(values.string('key-file'));
  const { kind, name, createdAt } = await readManifest(file, key);
  if (kind === 'etcd') {
    if (values.string('to') === '')
      throw new FlagError('--to', `${file} is a backup of etcd: say with --to DIR where its files are to go`);
    const directory = resolve(io.cwd, values.string('to'));
    await unpackTo(directory, file, key);
    io.stdout(`Brought back etcd as of ${createdAt} to ${directory}\n${etcdSteps(directory)}`);
    return 0;
  }
  if (values.string('to') !== '') throw new FlagError('--to', `--to is for backups of etcd; ${file} is one of cluster "${name}"`);
  const asked = checkClusterName(values.string('name'));
  if (isSet('name') && asked !== name)
    throw new FlagError('--name', `--name: ${file} is a backup of cluster "${name}", whose certificates name it so`);
  await restoreCluster({ name, file, key, dataDir: values.string('data-dir') }, io);
  io.stdout(`Brought back cluster "${name}" as of ${createdAt}; "muster up --name ${name}" starts it\n`);
  return 0;
}

async function restoreCluster(
  { name, file, key, dataDir }: { name: string; file: string; key: Uint8Array | undefined; dataDir: string },
  io: CommandIo,
): Promise<void> {
  const entry = clusterDirectory(io.env, checkClusterName(name));
  if (existsSync(entry))
    throw new CodedError(`there is a cluster "${name}" already; "muster down --name ${name}" deletes it`, {
      code: 'CLUSTER_EXISTS',
    });
  await makeDirectories(clustersDirectory(io.env), 0o700);
  if (dataDir === '') return unpackTo(entry, file, key);
  const directory = resolve(io.cwd, dataDir);
  await unpackTo(directory, file, key);
  await registerDirectory(io.env, name, directory);
}

/** All of it or nothing: it gets its name when it is whole. */
async function unpackTo(directory: string, file: string, key: Uint8Array | undefined): Promise<void> {
  if (existsSync(directory))
    throw new CodedError(`${directory} is there already: nothing is written over it`, { code: 'FILE_EXISTS' });
  await makeDirectories(dirname(directory));
  const partial = `${directory}.restoring`;
  await rm(partial, { recursive: true, force: true });
  try {
    await unpackArchive(file, partial, key);
    await rename(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

function etcdSteps(directory: string): string {
  const snapshot = join(directory, 'etcd-snapshot.db');
  return `What is left to do, with every kube-apiserver and etcd stopped:
  1. copy what ${join(directory, 'files')} holds, if there is such a directory, to where it was
  2. on each member's host: etcdctl snapshot restore ${snapshot} --name=NAME --data-dir=NEW_DIR \\
       --initial-cluster=NAME=https://HOST:2380,… --initial-advertise-peer-urls=https://HOST:2380 (etcdutl from 3.5 on)
  3. start etcd on NEW_DIR everywhere, then the API servers, then controller-managers, schedulers and kubelets anew
`;
}

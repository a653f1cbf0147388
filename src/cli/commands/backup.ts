import { existsSync, realpathSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { MUSTER_VERSION } from '../../std/version.ts';
import { type Content, FORMAT, type Manifest, writeArchive } from '../backup/archive.ts';
import { clusterContents, filesBelow } from '../backup/cluster-contents.ts';
import { ETCD_FLAGS, readEtcdSource, saveFromAny } from '../backup/etcd-source.ts';
import { readKeyFile } from '../backup/key-file.ts';
import { checkClusterName, clusterDirectory } from '../local/cluster-home.ts';
import { makeScratchDirectory } from '../local/scratch-directory.ts';
import { NAME_FLAG } from '../up/up-options.ts';

/** `muster backup`. */
export const backupCommand: ComponentCommand = {
  name: 'backup',
  arguments: 'FILE',
  summary: 'Keeps what a cluster cannot be made anew without: its store, as it is at one moment, its certificates and keys.',
  flags: [
    NAME_FLAG,
    ...ETCD_FLAGS,
    {
      name: 'include',
      type: 'strings',
      description: 'with --etcd-servers: directories or files to keep besides, such as /etc/kubernetes/pki; may be repeated',
    },
    {
      name: 'key-file',
      type: 'string',
      description: 'seals the backup with the key in this file (16 bytes or more, or their base64)',
    },
    { name: 'force', type: 'bool', description: 'replace FILE when it is there' },
  ],
  run,
};

async function run(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { values } = flags;
  const [file, more] = flags.args;
  if (file === undefined) throw new FlagError('FILE', 'say which file the backup goes to: muster backup FILE');
  if (more !== undefined) throw new FlagError(more, `unexpected argument ${JSON.stringify(more)}`);
  const target = resolve(io.cwd, file);
  if (existsSync(target) && !values.bool('force'))
    throw new CodedError(`${target} is there already: choose another name, or give --force`, { code: 'FILE_EXISTS' });
  const key = await readKeyFile(values.string('key-file'));
  const etcd = readEtcdSource(values);
  const included = values.strings('include');
  if (included.length > 0 && !etcd)
    throw new FlagError('--include', '--include is for --etcd-servers: a local cluster is kept whole');
  // Beside the target, so that there is room for both or for neither.
  await using scratch = await makeScratchDirectory(dirname(target), '.muster-backup-');
  const copy = join(scratch.path, 'store');
  const { kind, name, contents } = etcd
    ? await gatherEtcd(
        copy,
        included,
        (path) => resolve(io.cwd, path),
        () => saveFromAny(etcd, copy, io),
      )
    : await gatherCluster(copy, checkClusterName(values.string('name')), io);
  const manifest: Manifest = {
    format: FORMAT,
    kind,
    name,
    createdAt: new Date(io.clock.now()).toISOString(),
    writtenBy: `muster ${MUSTER_VERSION}`,
  };
  const count = await writeArchive(target, { manifest, contents, key });
  const what = kind === 'etcd' ? `etcd (${name})` : `cluster "${name}"`;
  io.stdout(`Kept ${what} in ${target}: ${count} files${key ? ', sealed' : ''}\n`);
  if (!key) io.stdout('It holds private keys and is not sealed: keep it where nobody else can read it, or use --key-file\n');
  return 0;
}

interface Gathered {
  readonly kind: Manifest['kind'];
  readonly name: string;
  readonly contents: readonly Content[];
}

async function gatherCluster(copy: string, name: string, io: CommandIo): Promise<Gathered> {
  const entry = clusterDirectory(io.env, name);
  if (!existsSync(entry)) throw new CodedError(`there is no cluster "${name}"`, { code: 'CLUSTER_UNKNOWN' });
  const directory = realpathSync(entry);
  const store = join(directory, 'store');
  if (!existsSync(join(store, 'store.db')))
    throw new CodedError(
      `cluster "${name}" keeps nothing on this disk: of one in etcd, keep that with --etcd-servers; one in memory cannot be kept`,
      { code: 'NOTHING_TO_KEEP' },
    );
  const { copySqliteStore } = await import('../../store/sqlite/copy-store.ts');
  await copySqliteStore(store, copy);
  return { kind: 'cluster', name, contents: [...(await clusterContents(directory)), { path: 'store/store.db', file: copy }] };
}

async function gatherEtcd(
  copy: string,
  included: readonly string[],
  resolvePath: (path: string) => string,
  save: () => Promise<{ readonly url: string }>,
): Promise<Gathered> {
  const contents: Content[] = [];
  for (const path of included.map(resolvePath)) {
    await lstat(path).catch((error: Error) => {
      throw new FlagError('--include', `--include: ${error.message}`);
    });
    for (const file of await filesBelow(path)) contents.push({ path: `files${file}`, file });
  }
  const { url } = await save();
  return { kind: 'etcd', name: url, contents: [...contents, { path: 'etcd-snapshot.db', file: copy }] };
}

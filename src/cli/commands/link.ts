import { lstat, readlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { linkAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { makeDirectories } from '../../std/directories.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { packageFile } from '../../std/own-files.ts';
import { componentNames } from '../component-names.ts';

/** `muster link DIR`. */
export const linkCommand: ComponentCommand = {
  name: 'link',
  arguments: 'DIR',
  summary: 'Links kube-apiserver, kubelet, kubeadm and the like in a directory to muster.',
  flags: [{ name: 'force', type: 'bool', description: 'replace files that are not links of muster' }],
  run: link,
};

async function link(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const [directory, ...more] = flags.args;
  if (directory === undefined || more.length > 0) throw new FlagError('DIR', 'exactly one directory is needed: muster link DIR');
  const target = resolve(io.cwd, directory);
  await makeDirectories(target);
  const names = [...componentNames, 'kubeadm', 'muster'];
  // Looked at before anything is changed, so that a refusal leaves the directory as it was.
  for (const name of names) {
    if (!flags.values.bool('force') && (await isForeign(join(target, name))))
      throw new CodedError(`${join(target, name)} exists and is not a link to muster; remove it, or use --force to replace it`, {
        code: 'LINK_TAKEN',
      });
  }
  const launcher = isSea() ? process.execPath : packageFile('bin/launch');
  for (const name of names) await linkAtomic(join(target, name), launcher);
  io.stdout(`${names.join(', ')} in ${target} now start muster\n`);
  return 0;
}

async function isForeign(path: string): Promise<boolean> {
  const status = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!status) return false;
  if (!status.isSymbolicLink()) return true;
  const to = await readlink(path);
  return !to.endsWith('/bin/launch') && to !== process.execPath;
}

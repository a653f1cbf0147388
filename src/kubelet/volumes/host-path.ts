import type { Stats } from 'node:fs';
import { chmod, open, stat } from 'node:fs/promises';
import type { V1HostPathVolumeSource } from '../../api/gen/types.ts';
import { makeDirectories } from '../../std/directories.ts';
import type { VolumeCalls } from './volume-calls.ts';
import type { VolumeKind } from './volume-kind.ts';

const WORDS: Readonly<Record<string, readonly [words: string, is: (stats: Stats) => boolean]>> = {
  Directory: ['a directory', (stats) => stats.isDirectory()],
  File: ['a file', (stats) => stats.isFile()],
  Socket: ['a socket file', (stats) => stats.isSocket()],
  CharDevice: ['a character device', (stats) => stats.isCharacterDevice()],
  BlockDevice: ['a block device', (stats) => stats.isBlockDevice()],
};

export const createHostPath = (calls: VolumeCalls): VolumeKind => ({
  plugin: 'kubernetes.io/host-path',
  refreshed: false,
  async setUp({ volume, bound }) {
    const source = bound?.persistentVolume.spec?.hostPath ?? volume.hostPath!;
    const check = () => checkHostPath(source);
    await (source.type ? calls.run(source.path, check) : check());
    return { path: source.path, readOnly: bound?.readOnly ?? false };
  },
});

/**
 * Makes what the type lets be made, and rejects in upstream's words (pkg/volume/host_path) when the path is something else. Links are
 * followed: the host's administrator made them. Without a type nothing is looked at; the runtime makes a directory that is missing.
 */
export async function checkHostPath({ path, type = '' }: V1HostPathVolumeSource): Promise<void> {
  if (path.split('/').includes('..')) throw new Error("must not contain '..'");
  if (type === '') return;
  const wanted = type.replace(/OrCreate$/, '');
  const known = Object.hasOwn(WORDS, wanted) ? WORDS[wanted] : undefined;
  if (!known || (type !== wanted && wanted !== 'Directory' && wanted !== 'File'))
    throw new Error(`${type} is an invalid volume type`);
  const [words, is] = known;
  let found = await statIfThere(path);
  if (!found && type === 'DirectoryOrCreate') found = await makeDirectory(path);
  if (!found && type === 'FileOrCreate') found = await makeFile(path);
  if (!found || !is(found)) throw new Error(`hostPath type check failed: ${path} is not ${words}`);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function makeDirectory(path: string): Promise<Stats | undefined> {
  const first = await makeDirectories(path, 0o755);
  if (first) await chmod(path, 0o755);
  return statIfThere(path);
}

async function makeFile(path: string): Promise<Stats | undefined> {
  const file = await open(path, 'a', 0o644);
  await file.close();
  return statIfThere(path);
}

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Opens a file below a directory that others may write to, one name at a time: neither `..` nor a symbolic link leads out of it,
 * whatever is renamed meanwhile. For reading; a device or pipe in its place does not block.
 *
 * @throws Error with `code` `ELOOP` or `ENOTDIR` for a symbolic link, `EINVAL` for a path that is not relative or has `..`
 */
export async function openBeneath(directory: string, path: string): Promise<FileHandle> {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (path.startsWith('/') || names.length === 0 || names.includes('..') || path.includes('\0'))
    throw Object.assign(new Error(`EINVAL: ${JSON.stringify(path)} does not lie below ${directory}`), { code: 'EINVAL' });
  let at = await open(directory, O_RDONLY | O_DIRECTORY);
  for (const [index, name] of names.entries()) {
    const parent = at;
    const kind = index === names.length - 1 ? O_NONBLOCK : O_DIRECTORY;
    try {
      // The link of /proc is the open directory itself, wherever it has been moved.
      at = await open(`/proc/self/fd/${parent.fd}/${name}`, O_RDONLY | O_NOFOLLOW | kind);
    } finally {
      await parent.close();
    }
  }
  return at;
}

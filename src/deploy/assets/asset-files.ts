import { chmod, mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfExists } from '../../pki/layouts/certificate-files.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';

/** The files of a cluster's assets. */
export interface AssetFiles {
  /** Undefined: there is none. */
  read(name: string): Promise<string | undefined>;
  /** Mode 0600 for secrets, 0644 else. */
  write(name: string, text: string, secret: boolean): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Files in a directory of their user alone, which is made. @param directory absolute */
export async function openAssetFiles(directory: string): Promise<AssetFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  return {
    read: (name) => readIfExists(join(directory, name)),
    write: (name, text, secret) => writeFileAtomic(join(directory, name), text, { mode: secret ? 0o600 : 0o644 }),
    async remove(name) {
      await unlink(join(directory, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    },
  };
}

/** Reads a directory, and keeps what is written in memory: no key is copied anywhere, however the process ends. */
export function readOnlyAssetFiles(directory: string): AssetFiles {
  const written = new Map<string, string | undefined>();
  return {
    read: async (name) => (written.has(name) ? written.get(name) : readIfExists(join(directory, name))),
    write: async (name, text) => void written.set(name, text),
    remove: async (name) => void written.set(name, undefined),
  };
}

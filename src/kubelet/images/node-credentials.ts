import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../std/logger.ts';
import { credentialsOf, hashOf, isEmpty, type TrackedCredentials } from './pull-credentials.ts';
import { RegistryIndex } from './registry-match.ts';

const LARGEST_FILE_BYTES = 1 << 20;

/**
 * The credentials that an administrator has put on the node itself: `config.json` or `.dockercfg`, in Docker's form, in the kubelet's
 * root directory or the user's home (pkg/credentialprovider/config.go). Every pod of the node may use them.
 */
export async function nodeCredentials(
  repository: string,
  places: { readonly root: string; readonly home: string | undefined },
  logger: Logger,
): Promise<TrackedCredentials[]> {
  const { root, home } = places;
  const files = [join(root, 'config.json'), ...(home ? [join(home, '.docker', 'config.json')] : [])];
  const older = [join(root, '.dockercfg'), ...(home ? [join(home, '.dockercfg')] : [])];
  for (const path of [...files, ...older]) {
    const document = await read(path, logger);
    if (!document) continue;
    const entries = files.includes(path) ? (document['auths'] ?? {}) : document;
    const index = new RegistryIndex<TrackedCredentials>();
    for (const [location, entry] of Object.entries(entries as object)) {
      const credentials = credentialsOf(entry);
      if (credentials && !isEmpty(credentials)) index.add(location, { credentials, hash: hashOf(credentials) });
      if (!credentials) logger.warn('An entry of a file with credentials of registries cannot be read', { path, location });
    }
    return index.find(repository);
  }
  return [];
}

/** Undefined for a file that is not there, or cannot be read: the log says so, without what is in it. */
async function read(path: string, logger: Logger): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      logger.warn('A file with credentials of registries cannot be read', { path, code });
    return undefined;
  }
  try {
    const document: unknown = text.length <= LARGEST_FILE_BYTES ? JSON.parse(text) : undefined;
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>;
  } catch {
    // What the parser says of the text is a part of the text.
  }
  logger.warn('A file with credentials of registries is not in its form', { path });
  return undefined;
}

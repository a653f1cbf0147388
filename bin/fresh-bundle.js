// Whether the bundle that `npm ci` made of a checkout's sources still says what they say. Plain JavaScript: it is read at each start.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const MANIFEST = 'bundle.json';
/** What a bundle depends on: what goes into it, and what makes and looks for it. */
const WATCHED = ['bin', 'src'];
const TEST = /\.test\.ts$/;

/** Where a checkout keeps what is made of it. */
export const cacheOf = (root) => join(root, 'node_modules', '.cache', 'muster');

/**
 * The directory of the bundle that is complete and made of the sources as they are; undefined when there is none, and the sources are
 * to be run. Looks at the size and time of each source and at the time of each directory, in which a file may have come, gone or moved.
 */
export function freshBundle(root) {
  try {
    const cache = cacheOf(root);
    const { directory, files, sources } = JSON.parse(readFileSync(join(cache, MANIFEST), 'utf8'));
    const bundle = join(cache, directory);
    if (files.length === 0 || sources.length === 0) return undefined;
    for (const [path, time, size] of sources) {
      const now = stampOf(`${root}/${path}`);
      if (now[0] !== time || now[1] !== size) return undefined;
    }
    for (const [path, size] of files) if (statSync(`${bundle}/${path}`).size !== size) return undefined;
    return bundle;
  } catch {
    return undefined; // never made, half gone, or of another version: the sources say the same
  }
}

/** All sources but the tests, and their directories: [path, milliseconds, bytes or -1 of a directory]. */
export function listSources(root) {
  const paths = WATCHED.flatMap((top) => [
    top,
    ...readdirSync(join(root, top), { recursive: true }).map((path) => join(top, path)),
  ]);
  return paths
    .filter((path) => !TEST.test(path))
    .sort()
    .map((path) => [path, ...stampOf(`${root}/${path}`)]);
}

function stampOf(path) {
  const status = statSync(path);
  return [status.mtimeMs, status.isDirectory() ? -1 : status.size];
}

/** Where the files of this package lie, whether it runs from its sources, from a bundle of them, compiled, or as one executable file. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { getAsset, isSea } from 'node:sea';

/** What the files of code end in: `.ts`, `.mjs` or `.js`, as this one does. A thread of the executable has no file. */
const EXTENSION = extname(import.meta.filename ?? '');

/** A file by its path in the package: `bin/muster.js`. */
export const packageFile = (path: string) => join(directoryWith('package.json'), path);

/** A file that lies with the code, by its path in `src`: `api/gen/field-notes.json`. */
export const codeFile = (path: string) => join(directoryWith(`cli/main${EXTENSION}`), path);

/** A module by its path in `src` without an ending: `cli/main`. */
export const moduleFile = (path: string) => codeFile(`${path}${EXTENSION}`);

/** What a thread begins with, by its path in `src` without an ending: `store/sqlite/checkpoint-worker`. */
export function workerModule(path: string): string | URL {
  if (!isSea()) return moduleFile(path);
  // Of the executable no file can be named.
  return new URL(`data:text/javascript;base64,${Buffer.from(getAsset(path)).toString('base64')}`);
}

/** The text of a file that lies with the code, by its path in `src`. Rejects with the system's error (ENOENT) where there is none. */
export async function readCodeFile(path: string): Promise<string> {
  return isSea() ? getAsset(path, 'utf8') : readFile(codeFile(path), 'utf8');
}

/** The nearest directory above this file that holds another. */
function directoryWith(path: string): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    if (existsSync(join(directory, path))) return directory;
    if (directory === dirname(directory)) throw new Error(`${path} is missing: the package is not complete`);
  }
}

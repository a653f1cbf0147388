/** Where the files of this package lie, whether it runs from its sources, from a bundle of them, or compiled. */
import { existsSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';

/** What the files of code end in: `.ts`, `.mjs` or `.js`, as this one does. */
const EXTENSION = extname(import.meta.filename);

/** A file by its path in the package: `bin/muster.js`. */
export const packageFile = (path: string) => join(directoryWith('package.json'), path);

/** A file that lies with the code, by its path in `src`: `api/gen/field-notes.json`. */
export const codeFile = (path: string) => join(directoryWith(`cli/main${EXTENSION}`), path);

/** A module that a thread begins with, by its path in `src` without an ending: `store/sqlite/checkpoint-worker`. */
export const moduleFile = (path: string) => codeFile(`${path}${EXTENSION}`);

/** The nearest directory above this file that holds another. */
function directoryWith(path: string): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    if (existsSync(join(directory, path))) return directory;
    if (directory === dirname(directory)) throw new Error(`${path} is missing: the package is not complete`);
  }
}

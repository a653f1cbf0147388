// Which of its forms Muster's code runs in: compiled in an installed package, else bundled or as it is. Plain JavaScript: it is read first.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freshBundle } from './fresh-bundle.js';

export const root = dirname(import.meta.dirname);

/** A checkout runs as it is; an installed package has been compiled, since Node strips no types below node_modules. */
export const isCheckout = existsSync(join(root, 'src'));

/**
 * Where a module is by its path in `src`, without an ending: in the compiled package, in the bundle of a checkout that is as it was when the
 * bundle was made, else in the sources.
 */
function codeFile(path) {
  if (!isCheckout) return join(root, 'dist', `${path}.js`);
  const bundle = freshBundle(root);
  return bundle ? join(bundle, `${path}.mjs`) : join(root, 'src', `${path}.ts`);
}

/** Imports a module by its path in `src`, without an ending. */
export const importCode = (path) => importFile(codeFile(path));

/** The same at once, so that who imports this can itself be asked for by `require`. */
export function requireCode(path) {
  nameSources();
  return createRequire(import.meta.url)(codeFile(path));
}

/** Imports the program. One that `muster up` has started runs the code of that `muster up`, which has just looked which. */
export function importMain() {
  const [, parent, file] = /^(\d+):(.+)$/.exec(process.env.MUSTER_MAIN ?? '') ?? [];
  delete process.env.MUSTER_MAIN; // of nobody else that is started with this environment
  return Number(parent) === process.ppid ? importFile(file) : importCode('cli/main');
}

function importFile(file) {
  nameSources();
  return import(pathToFileURL(file).href);
}

/** In stack traces. Reading the maps takes a while. */
function nameSources() {
  if (process.env.MUSTER_DEBUG) process.setSourceMapsEnabled(true);
}

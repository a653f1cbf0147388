// Which Node runs Muster. Older ones read this file too, to say so.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Of an installed package, which has been compiled for it: the first whose node:sqlite has what is needed. `engines` in package.json is for
 * checkouts, which bring their own Node and need an older one to fetch it.
 */
export const OLDEST_NODE_OF_PACKAGE = '22.16.0';
/** A checkout runs its TypeScript as it is. */
const OLDEST_NODE_OF_CHECKOUT = '26.0.0';

export const OLDEST_NODE = existsSync(join(root, 'src')) ? OLDEST_NODE_OF_CHECKOUT : OLDEST_NODE_OF_PACKAGE;

const [major, minor] = process.versions.node.split('.').map(Number);
const [oldestMajor, oldestMinor] = OLDEST_NODE.split('.').map(Number);

/** Whether this Node is new enough. (A comparison by locale would cost each start 13 ms.) */
export const runsHere = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);

/** Before 26 Node warns of its SQLite at each start. A program that uses it knows; a library leaves warnings to its user. */
export function muteSqlite() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (warning !== 'SQLite is an experimental feature and might change at any time') emitWarning.call(process, warning, ...rest);
  };
}

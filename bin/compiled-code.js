// Where Node keeps compiled code between runs, which halves the start. Plain JavaScript: it is read before anything else.
import { accessSync, constants, mkdirSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isCheckout, root } from './code.js';
import { cacheOf } from './fresh-bundle.js';

/** Lets Node keep compiled code; where nothing may be written, Muster starts without. */
export function keepCompiledCode() {
  const directories = [join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'muster', 'compiled')];
  if (isCheckout) directories.unshift(join(cacheOf(root), 'compiled'));
  for (const directory of directories) {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      accessSync(directory, constants.W_OK);
    } catch {
      continue; // not ours to write: another user's checkout, a read-only system
    }
    module.enableCompileCache(directory);
    return;
  }
}

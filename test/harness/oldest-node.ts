import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runOrFail } from './run-command.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The version of the oldest Node that an installed package runs on: "22.16.0". */
export async function oldestNodeVersion(): Promise<string> {
  const file = pathToFileURL(join(ROOT, 'bin', 'oldest-node.js')).href;
  return ((await import(file)) as { OLDEST_NODE_OF_PACKAGE: string }).OLDEST_NODE_OF_PACKAGE;
}

/**
 * The program of that Node, from the npm package that holds it; kept beside the checkout's modules.
 *
 * @throws Error with what npm said when it cannot be had
 */
export async function oldestNode(): Promise<string> {
  const version = await oldestNodeVersion();
  const directory = join(ROOT, 'node_modules', '.cache', 'muster', 'tools', `node-${version}`);
  const program = join(directory, 'bin', 'node');
  if (existsSync(program)) return program;
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const name = `node-${process.platform}-${process.arch}@${version}`;
    const packed = await runOrFail('npm', ['pack', '--silent', '--pack-destination', partial, name], { timeoutMs: 240_000 });
    const archive = join(partial, packed.trim().split('\n').at(-1)!);
    await runOrFail('tar', ['xzf', archive, '-C', partial, '--strip-components=1', 'package/bin/node']);
    rmSync(archive);
    // Whole or not at all; another run may have been quicker.
    if (!existsSync(program)) renameSync(partial, directory);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return program;
}

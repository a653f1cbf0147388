#!/usr/bin/env node
// Starts cli/main on the Node that Muster is made for. Plain JavaScript, since an older Node has to read it.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { muteSqlite, OLDEST_NODE, runsHere } from './oldest-node.js';

const self = realpathSync(fileURLToPath(import.meta.url));
const root = dirname(dirname(self));

if (runsHere) await run();
else restartWithOwnNode();

function restartWithOwnNode() {
  const node = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node');
  let usable = false;
  try {
    accessSync(node, constants.X_OK);
    usable = realpathSync(node) !== realpathSync(process.execPath);
  } catch {
    // Told below, with what to do.
  }
  if (!usable) {
    process.stderr.write(
      `muster: needs Node ${OLDEST_NODE} or newer, this is ${process.version}${
        existsSync(join(root, 'src')) ? `, and ${node} is missing; run "npm ci" in ${root}` : ': install a newer one'
      }\n`,
    );
    process.exit(1);
  }
  const argv = [...process.execArgv, process.argv[1], ...process.argv.slice(2)];
  if (process.execve) process.execve(node, [node, ...argv], process.env);
  const child = spawn(node, argv, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
    // A terminal sends SIGINT and SIGQUIT to both of us already; sending them again would look like a second Ctrl-C.
    process.on(signal, () =>
      process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT') ? undefined : child.kill(signal),
    );
  }
  child.on('error', (error) => {
    process.stderr.write(`muster: cannot run ${node}: ${error.message}; run "npm ci" in ${root}\n`);
    process.exit(1);
  });
  child.on('exit', (status, signal) => process.exit(status ?? 128 + (osConstants.signals[signal] ?? 0)));
}

async function run() {
  const [{ importMain }, { keepCompiledCode }] = await Promise.all([import('./code.js'), import('./compiled-code.js')]);
  keepCompiledCode();
  muteSqlite();
  const { runProcess } = await importMain();
  await runProcess(process.argv[1], process.argv.slice(2));
}

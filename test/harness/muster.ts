import { join } from 'node:path';
import { PROGRAM } from './component-process.ts';
import { type CommandResult, type RunOptions, runCommand } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface UpResult {
  name: string;
  server: string;
  kubeconfig: string;
  dataDir: string;
  pid: number;
  nodes: string[];
  readyMs: number;
}

/** The `muster` command in a home of its own, whose clusters are all taken down when the test ends. */
export interface MusterHome extends AsyncDisposable {
  readonly path: string;
  readonly kubeconfig: string;
  readonly env: Readonly<Record<string, string>>;
  try(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Its standard output; fails with what it said when it fails. */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
  up(...args: string[]): Promise<UpResult>;
}

export async function musterHome(): Promise<MusterHome> {
  const directory = await temporaryDirectory();
  const kubeconfig = directory.file('kubeconfig');
  const env = { HOME: directory.path, MUSTER_HOME: directory.file('muster'), KUBECONFIG: kubeconfig };
  const attempt: MusterHome['try'] = (args, options = {}) =>
    runCommand(process.execPath, [PROGRAM, ...args], { timeoutMs: 120_000, ...options, env: { ...env, ...options.env } });
  const run: MusterHome['run'] = async (args, options) => {
    const result = await attempt(args, options);
    if (result.status !== 0)
      throw new Error(`muster ${args.join(' ')} ended with ${result.status ?? result.signal}:\n${result.stderr}${result.stdout}`);
    return result.stdout;
  };
  return {
    path: directory.path,
    kubeconfig,
    env,
    try: attempt,
    run,
    up: async (...args) => JSON.parse(await run(['up', '-o', 'json', ...args])) as UpResult,
    async [Symbol.asyncDispose]() {
      try {
        for (const { name } of JSON.parse(await run(['ls', '-o', 'json'])) as { name: string }[])
          await run(['down', '--name', name]);
      } finally {
        await directory[Symbol.asyncDispose]();
      }
    },
  };
}

/** The directory of a cluster in a home. */
export function clusterDirectory(home: MusterHome, name = 'muster'): string {
  return join(home.env['MUSTER_HOME']!, 'clusters', name);
}

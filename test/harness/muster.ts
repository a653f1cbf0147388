import { join } from 'node:path';
import { PROGRAM } from './component-process.ts';
import { freePort } from './free-port.ts';
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
  /** Where its clusters listen: by name, one each, so that no other test's cluster takes it while they are down. */
  portOf(name?: string): Promise<number>;
  /** An `up` that names no port gets its cluster's. */
  try(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Its standard output; fails with what it said when it fails. */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
  up(...args: string[]): Promise<UpResult>;
}

/** @param prefix what goes before the program: `inNamespace(name)` */
export async function musterHome(prefix: readonly string[] = []): Promise<MusterHome> {
  const directory = await temporaryDirectory();
  const kubeconfig = directory.file('kubeconfig');
  // The machine's own container runtime is nothing for a test.
  const env = {
    HOME: directory.path,
    MUSTER_HOME: directory.file('muster'),
    KUBECONFIG: kubeconfig,
    MUSTER_RUNTIME: 'hollow',
  };
  const ports = new Map<string, Promise<number>>();
  const portOf = (name = 'muster') => {
    const port = ports.get(name) ?? freePort();
    ports.set(name, port);
    return port;
  };
  const attempt: MusterHome['try'] = async (args, options = {}) => {
    const given = flagValue('--port', args);
    const name = flagValue('--name', args) ?? 'muster';
    if (given !== undefined) ports.set(name, Promise.resolve(Number(given)));
    const more = args[0] === 'up' && given === undefined ? ['--port', String(await portOf(name))] : [];
    const run = { timeoutMs: 120_000, ...options, env: { ...env, ...options.env } };
    const [program = '', ...words] = [...prefix, process.execPath, PROGRAM, ...args, ...more];
    return runCommand(program, words, run);
  };
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
    portOf,
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

function flagValue(flag: string, args: readonly string[]): string | undefined {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
}

/** The directory of a cluster in a home. */
export function clusterDirectory(home: MusterHome, name = 'muster'): string {
  return join(home.env['MUSTER_HOME']!, 'clusters', name);
}

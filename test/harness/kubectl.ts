import { type CommandResult, type RunOptions, runCommand } from './run-command.ts';
import { testTools } from './tools.ts';

export type KubectlVersion = '1.20' | '1.35';
export const KUBECTL_VERSIONS: readonly KubectlVersion[] = ['1.20', '1.35'];

/** The program of a version. */
export function kubectlPath(version: KubectlVersion): string {
  const tools = testTools();
  return version === '1.20' ? tools.kubectl120 : tools.kubectl135;
}

/** A real kubectl that uses one kubeconfig and keeps its caches to itself. */
export interface Kubectl {
  /** Its end, whatever that is. */
  try(args: readonly string[] | string, options?: RunOptions): Promise<CommandResult>;
  /** Its standard output; fails with what it said when it fails. */
  run(args: readonly string[] | string, options?: RunOptions): Promise<string>;
  /** The object that `-o json` prints. */
  json<T>(args: readonly string[] | string): Promise<T>;
}

/**
 * @param home a directory for its caches, so that tests do not see each other's discovery
 * @param prefix what goes before the program: `inNamespace(name)`
 */
export function kubectl(version: KubectlVersion, kubeconfig: string, home: string, prefix: readonly string[] = []): Kubectl {
  const [program = '', ...before] = [...prefix, kubectlPath(version)];
  const attempt: Kubectl['try'] = (args, options = {}) => {
    const words = typeof args === 'string' ? args.split(/\s+/).filter(Boolean) : args;
    return runCommand(program, [...before, ...words], {
      timeoutMs: patienceMs(words),
      ...options,
      env: { KUBECONFIG: kubeconfig, HOME: home, ...options.env },
    });
  };
  const run: Kubectl['run'] = async (args, options) => {
    const result = await attempt(args, options);
    if (result.status !== 0)
      throw new Error(
        `kubectl ${version} ${typeof args === 'string' ? args : args.join(' ')} ended with ${result.status}:\n${result.stderr}`,
      );
    return result.stdout;
  };
  return {
    try: attempt,
    run,
    async json<T>(args: readonly string[] | string) {
      const list = typeof args === 'string' ? args.split(/\s+/).filter(Boolean) : args;
      return JSON.parse(await run([...list, '-o', 'json'])) as T;
    },
  };
}

/** Longer than it was told to wait itself, so that it says what it waits for. */
function patienceMs(words: readonly string[]): number {
  const told = words.map((word) => /^--timeout=(\d+)(s|m)$/.exec(word)).find((found) => found);
  return Math.max(60_000, told ? Number(told[1]) * (told[2] === 'm' ? 60_000 : 1000) + 30_000 : 0);
}

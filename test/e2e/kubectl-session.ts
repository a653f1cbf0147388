import assert from 'node:assert/strict';
import type { KubectlVersion } from '../harness/kubectl.ts';
import type { CommandResult } from '../harness/run-command.ts';
import type { UpCluster } from './up-cluster.ts';

/** Words in a text, or a list when one of them has spaces. */
export type Arguments = readonly string[] | string;
export type Environment = Readonly<Record<string, string>>;

/** A kubectl that works in one namespace. An input that is no text is given to it as JSON. */
export interface KubectlSession {
  readonly version: KubectlVersion;
  readonly namespace: string;
  /** Standard output; the test fails when it does. */
  run(args: Arguments, input?: unknown, env?: Environment): Promise<string>;
  /** Standard error; the test fails when it does not. */
  fails(args: Arguments, input?: unknown, env?: Environment): Promise<string>;
  /** Its end, whatever that is. */
  try(args: Arguments, input?: unknown, env?: Environment): Promise<CommandResult>;
  json<T>(args: Arguments): Promise<T>;
}

/** The name of a namespace for what one kubectl does in a test file. */
export const namespaceFor = (topic: string, version: KubectlVersion) => `${topic}-${version.replace('.', '-')}`;

/** @param cluster read when used: it is there only while tests run */
export function kubectlSession(
  cluster: { readonly current: UpCluster },
  version: KubectlVersion,
  namespace: string,
): KubectlSession {
  const inNamespace = (args: Arguments) => ['--namespace', namespace, ...(typeof args === 'string' ? args.split(/\s+/) : args)];
  const attempt: KubectlSession['try'] = (args, input, env) =>
    cluster.current.kubectl(version).try(inNamespace(args), {
      ...(input !== undefined && { input: typeof input === 'string' ? input : JSON.stringify(input) }),
      // An edit that is refused leaves its text there.
      env: { TMPDIR: cluster.current.home.path, ...env },
    });
  return {
    version,
    namespace,
    try: attempt,
    async run(args, input, env) {
      const result = await attempt(args, input, env);
      assert.equal(result.status, 0, `kubectl ${version} ${String(args)} ended with ${result.status}:\n${result.stderr}`);
      return result.stdout;
    },
    async fails(args, input, env) {
      const result = await attempt(args, input, env);
      assert.notEqual(result.status, 0, `${String(args)} went well:\n${result.stdout}`);
      return result.stderr;
    },
    json: (args) => cluster.current.kubectl(version).json(inNamespace(args)),
  };
}

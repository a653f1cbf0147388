import { resolve } from 'node:path';
import type { KubeconfigCluster } from './kubeconfig.ts';

/** A program that says who the user is: `exec` of a kubeconfig's user (client-go/tools/clientcmd/api/v1, ExecConfig). */
export interface ExecPlugin {
  /** Of the ExecCredential that it is to print. */
  readonly apiVersion: string;
  /** A path, or a name that is looked for in $PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** Besides this process's own. */
  readonly env: Readonly<Record<string, string>>;
  /** What is told when the program is not there. */
  readonly installHint: string;
  /** What the program is told of the cluster, when it wants that. */
  readonly cluster?: Readonly<Record<string, unknown>>;
}

const GROUP = 'client.authentication.k8s.io';
const VERSIONS = [`${GROUP}/v1`, `${GROUP}/v1beta1`];
const MODES = ['Never', 'IfAvailable', 'Always'];
const EXTENSION = `${GROUP}/exec`;

/**
 * @param directory where a command that is a relative path starts: the kubeconfig's
 * @param caPem the cluster's authority, as it was read
 * @throws Error that names the field and what is wrong with it
 */
export function readExecPlugin(
  value: unknown,
  { directory, cluster, caPem }: { readonly directory: string; readonly cluster: KubeconfigCluster; readonly caPem?: string },
): ExecPlugin {
  if (!isMapping(value)) throw new Error('is not a mapping');
  const { apiVersion, command, args, env, installHint, interactiveMode, provideClusterInfo } = value;
  if (typeof apiVersion !== 'string' || !VERSIONS.includes(apiVersion))
    throw new Error(`apiVersion: must be one of ${VERSIONS.join(', ')}`);
  if (typeof command !== 'string' || command === '' || command.includes('\0')) throw new Error('command: is missing');
  if (interactiveMode === undefined ? apiVersion === VERSIONS[0] : !MODES.includes(interactiveMode as string))
    throw new Error(`interactiveMode: must be one of ${MODES.join(', ')}`);
  if (interactiveMode === 'Always') throw new Error('interactiveMode: Always is not supported, nobody is asked anything');
  if (!isNoneOr(args, isTexts)) throw new Error('args: is not a list of strings');
  if (!isNoneOr(env, isVariables)) throw new Error('env: is not a list of names and values');
  if (!isNoneOr(installHint, (hint): hint is string => typeof hint === 'string')) throw new Error('installHint: is not a string');
  if (!isNoneOr(provideClusterInfo, (wish): wish is boolean => typeof wish === 'boolean'))
    throw new Error('provideClusterInfo: is not true or false');
  return {
    apiVersion,
    command: command.includes('/') ? resolve(directory, command) : command,
    args: args ?? [],
    env: Object.fromEntries((env ?? []).map(({ name, value: text }) => [name, text ?? ''])),
    installHint: installHint ?? '',
    ...(provideClusterInfo && { cluster: clusterInfo(cluster, caPem) }),
  };
}

/** client-go/pkg/apis/clientauthentication/v1, Cluster: without what says who the user is. */
function clusterInfo(cluster: KubeconfigCluster, caPem: string | undefined): Record<string, unknown> {
  const { extensions } = cluster;
  const own = Array.isArray(extensions) ? extensions.find((entry) => isMapping(entry) && entry['name'] === EXTENSION) : undefined;
  return {
    server: cluster.server,
    ...(cluster['tls-server-name'] && { 'tls-server-name': cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] && { 'insecure-skip-tls-verify': true }),
    ...(caPem !== undefined && { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
    config: isMapping(own) ? (own['extension'] ?? null) : null,
  };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNoneOr = <T>(value: unknown, is: (value: unknown) => value is T): value is T | undefined | null =>
  value === undefined || value === null || is(value);

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string' && !text.includes('\0'));

const isVariables = (value: unknown): value is { name: string; value?: string }[] =>
  Array.isArray(value) &&
  value.every(
    (entry) =>
      isMapping(entry) &&
      typeof entry['name'] === 'string' &&
      /^[^=\0]+$/.test(entry['name']) &&
      (entry['value'] === undefined || (typeof entry['value'] === 'string' && !entry['value'].includes('\0'))),
  );

import { readFile } from 'node:fs/promises';
import { CodedError } from '../std/coded-error.ts';
import { type Environment, proxyOfEnvironment } from './environment-proxy.ts';
import type { Kubeconfig, KubeconfigCluster, KubeconfigUser } from './kubeconfig.ts';
import { type ExecPlugin, readExecPlugin } from './kubeconfig-exec.ts';
import { type ActingAs, readActingAs } from './kubeconfig-impersonation.ts';
import { absolutePath } from './kubeconfig-paths.ts';

/** All that is needed to reach a cluster as somebody. Files have been read once; those that change are named too. */
export interface ResolvedContext {
  readonly server: string;
  readonly caPem?: string;
  /** Absolute; set when the authorities were not embedded, to be read again for each connection. */
  readonly caFile?: string;
  readonly clientCertificatePem?: string;
  readonly clientKeyPem?: string;
  /** Absolute; set when the certificate was not embedded, to be read again for each connection. */
  readonly clientCertificateFile?: string;
  readonly clientKeyFile?: string;
  readonly token?: string;
  /** Absolute. What it held when last read counts more than `token`, as upstream. */
  readonly tokenFile?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly tlsServerName?: string;
  readonly namespace?: string;
  /** The program that says who the user is, for callers that know every way. */
  readonly exec?: ExecPlugin;
  /** The proxy on the way to the server, of HTTP or SOCKS5, for the same. */
  readonly proxyUrl?: string;
  /** Whom everything is asked as, for the same. */
  readonly actingAs?: ActingAs;
}

export interface ResolveOptions {
  /** The caller runs the program that a user may name, acts as somebody else, and goes through a proxy; otherwise all three are refused. */
  readonly everyWay?: boolean;
  /** Where a proxy may be named for clusters that name none. */
  readonly environment?: Environment;
}

/** Ways of the clientcmd API to authenticate or connect that are not supported; refused rather than passed over. */
const UNSUPPORTED_USER = ['username', 'password', 'auth-provider'];
/** Those that only some callers know. */
const RARE_USER = ['exec', 'as', 'as-uid', 'as-groups', 'as-user-extra'];
const RARE_CLUSTER = ['proxy-url'];

interface Loaded {
  readonly pem: string;
  /** Where it was read; undefined for embedded data. */
  readonly file?: string;
}

/**
 * Follows `contextName`, or the current context, to its cluster and user, and reads the files that they name. Throws a
 * CodedError (KUBECONFIG_INCOMPLETE, KUBECONFIG_UNSUPPORTED, KUBECONFIG_FILE) that names the field and the file.
 */
export async function resolveContext(
  config: Kubeconfig,
  contextName?: string,
  { everyWay = false, environment = {} }: ResolveOptions = {},
): Promise<ResolvedContext> {
  const source = config.origin?.path === undefined ? 'kubeconfig' : `kubeconfig ${config.origin.path}`;
  const fail = (code: string, message: string, cause?: unknown) => new CodedError(`${source}: ${message}`, { code, cause });
  const name = contextName ?? config['current-context'];
  if (!name) throw fail('KUBECONFIG_INCOMPLETE', 'current-context: is not set');
  const context = config.contexts.find((entry) => entry.name === name)?.context;
  if (!context) throw fail('KUBECONFIG_INCOMPLETE', `context "${name}" does not exist`);
  const cluster = config.clusters.find((entry) => entry.name === context.cluster)?.cluster;
  if (!cluster) throw fail('KUBECONFIG_INCOMPLETE', `cluster "${context.cluster ?? ''}" of context "${name}" does not exist`);
  const found = config.users.find((entry) => entry.name === context.user)?.user;
  if (!found && context.user) throw fail('KUBECONFIG_INCOMPLETE', `user "${context.user}" of context "${name}" does not exist`);
  const user: KubeconfigUser = found ?? {};

  const clusterField = `cluster "${context.cluster}"`;
  const userField = `user "${context.user}"`;
  const refuse = (fields: Record<string, unknown>, names: readonly string[], where: string) => {
    const field = names.find((candidate) => fields[candidate]);
    if (field) throw fail('KUBECONFIG_UNSUPPORTED', `${where} ${field}: is not supported`);
  };
  refuse(user, UNSUPPORTED_USER, userField);
  if (!everyWay) {
    refuse(user, RARE_USER, userField);
    refuse(cluster, RARE_CLUSTER, clusterField);
  }
  checkProxy(cluster['proxy-url'], (problem) => fail('KUBECONFIG_UNSUPPORTED', `${clusterField} proxy-url: ${problem}`));
  const fromEnvironment = () => {
    const proxy = proxyOfEnvironment(cluster.server!, environment);
    checkProxy(proxy, (problem) => fail('KUBECONFIG_UNSUPPORTED', `HTTPS_PROXY: ${problem}`));
    return proxy;
  };
  checkServer(cluster, (problem) => fail('KUBECONFIG_INCOMPLETE', `${clusterField} server: ${problem}`));

  const read = async (path: string, field: string, where: string): Promise<Loaded> => {
    const file = absolutePath(config, path);
    try {
      return { pem: await readFile(file, 'utf8'), file };
    } catch (cause) {
      throw fail('KUBECONFIG_FILE', `unable to read ${where} ${field} ${file}: ${readProblem(cause)}`, cause);
    }
  };
  /** Embedded data counts more than a file. */
  const load = async (fields: Record<string, unknown>, field: string, where: string): Promise<Loaded | undefined> => {
    const data = fields[`${field}-data`];
    if (typeof data === 'string' && data) return { pem: Buffer.from(data, 'base64').toString('utf8') };
    const path = fields[field];
    if (typeof path !== 'string' || !path) return undefined;
    return read(path, field, where);
  };
  const ca = await load(cluster, 'certificate-authority', clusterField);
  const certificate = await load(user, 'client-certificate', userField);
  const key = await load(user, 'client-key', userField);
  if (certificate && !key) throw fail('KUBECONFIG_INCOMPLETE', `${userField} client-key: is missing beside client-certificate`);
  if (key && !certificate) throw fail('KUBECONFIG_INCOMPLETE', `${userField} client-certificate: is missing beside client-key`);
  // Read again when it is used; here only so that a file that is missing is told of at once.
  if (user.tokenFile && !user.token) await read(user.tokenFile, 'tokenFile', userField);
  const isInsecure = cluster['insecure-skip-tls-verify'] === true;
  if (isInsecure && ca) {
    throw fail('KUBECONFIG_INCOMPLETE', `${clusterField}: certificate-authority and insecure-skip-tls-verify exclude each other`);
  }
  const execPlugin = (): ExecPlugin => {
    if (key || user.token || user.tokenFile)
      throw fail('KUBECONFIG_INCOMPLETE', `${userField}: exec and other ways to say who the user is exclude each other`);
    try {
      return readExecPlugin(user['exec'], { directory: config.origin?.directory ?? '.', cluster, caPem: ca?.pem });
    } catch (error) {
      throw fail('KUBECONFIG_INCOMPLETE', `${userField} exec: ${(error as Error).message}`);
    }
  };
  const actingAs = (): ActingAs | undefined => {
    try {
      return readActingAs(user);
    } catch (error) {
      throw fail('KUBECONFIG_INCOMPLETE', `${userField}: ${(error as Error).message}`);
    }
  };
  return {
    server: cluster.server!.replace(/\/+$/, ''),
    caPem: ca?.pem,
    ...(ca?.file !== undefined && { caFile: ca.file }),
    clientCertificatePem: certificate?.pem,
    clientKeyPem: key?.pem,
    clientCertificateFile: certificate?.file,
    clientKeyFile: key?.file,
    token: user.token || undefined,
    tokenFile: user.tokenFile ? absolutePath(config, user.tokenFile) : undefined,
    insecureSkipTlsVerify: isInsecure,
    tlsServerName: cluster['tls-server-name'] || undefined,
    namespace: context.namespace || undefined,
    proxyUrl: cluster['proxy-url'] || fromEnvironment(),
    actingAs: actingAs(),
    ...(user['exec'] !== undefined && user['exec'] !== null && { exec: execPlugin() }),
  };
}

function checkServer(cluster: KubeconfigCluster, fail: (problem: string) => CodedError): void {
  if (!cluster.server) throw fail('is missing');
  if (!URL.canParse(cluster.server)) throw fail(`"${cluster.server}" is not a URL`);
  const { protocol } = new URL(cluster.server);
  if (protocol !== 'https:') throw fail(`"${cluster.server}" does not begin with https://`);
}

/** Never repeats it: it may hold a password. */
function checkProxy(url: string | undefined, fail: (problem: string) => CodedError): void {
  if (!url) return;
  if (!URL.canParse(url)) throw fail('is not a URL');
  const { protocol, hostname } = new URL(url);
  if (!['http:', 'https:', 'socks5:'].includes(protocol))
    throw fail('only http://, https:// and socks5:// proxies are supported');
  if (!hostname) throw fail('has no host');
}

function readProblem(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message;
}

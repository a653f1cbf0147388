import { constants } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1EnvVarSource, V1Pod, V1Service } from '../../api/gen/types.ts';
import { formatIp, parseIp } from '../../api/machinery/ip.ts';
import type { Informer } from '../../client/informer.ts';
import { openBelow } from '../../host/paths-below.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import { type ContainerSettings, type PodPartContext, PodPartError } from '../pods/pod-parts.ts';
import { podDirectory, volumeDirectory } from '../pods/pod-paths.ts';
import type { ContainerMount, DnsSettings } from '../runtime/preparation.ts';
import { containerEnvironment } from './container-environment.ts';
import { environmentFileValue } from './environment-file.ts';
import { hostNetworkHostsFile, podHostsFile } from './hosts-file.ts';
import { type ClusterDnsSettings, podDns, resolverFileProblem } from './pod-dns.ts';
import { kernelHostname, podHostname } from './pod-hostname.ts';
import { parseResolverFile, withoutFinalDot } from './resolver-file.ts';
import { servicesForPod, serviceVariables, type Variable } from './service-variables.ts';
import { expandAll } from './variable-expansion.ts';

export interface ContainerSettingsOptions {
  readonly context: Pick<
    PodPartContext,
    'nodeName' | 'nodeIps' | 'node' | 'configuration' | 'paths' | 'events' | 'clock' | 'logger'
  >;
  readonly objects: ObjectReader;
  /** All services of the cluster; whoever made it starts it. */
  readonly services: Pick<Informer<V1Service>, 'list' | 'hasSynced'>;
  /** The node's own, for pods on its network. Default `/etc/hosts`. */
  readonly nodeHostsFile?: string;
}

const HOSTS = '/etc/hosts';
/** As upstream: who reads such a file for a larger one is mistaken. */
const LARGEST_RESOLVER_FILE = 10 << 20;
/** Of a kubelet that has just started: pods and services come at the same time. */
const SERVICES_WAIT_MS = 5000;
const SERVICES_STEP_MS = 100;
/** What KEP-3721 allows. */
const LARGEST_ENVIRONMENT_FILE = 64 << 10;

export interface NodeSettings extends ContainerSettings {
  /** Tells by an event of the node when its resolver file has more search domains than pods can be given. */
  checkResolverFile(): Promise<void>;
}

/** What the containers of a node are told about their world. Reads files when asked, keeps nothing. */
export function createContainerSettings(options: ContainerSettingsOptions): NodeSettings {
  const { objects, services, nodeHostsFile = HOSTS } = options;
  const { configuration, nodeIps, nodeName, paths, events, clock, logger } = options.context;
  const clusterDomain = withoutFinalDot(configuration.clusterDomain ?? '');
  const resolverFile = configuration['resolvConf'] as string | undefined;
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };

  async function hostDns(): Promise<DnsSettings | undefined> {
    if (!resolverFile) return undefined;
    return parseResolverFile(await readAtMost(resolverFile, LARGEST_RESOLVER_FILE));
  }

  async function fileValue(pod: V1Pod, source: NonNullable<V1EnvVarSource['fileKeyRef']>): Promise<string | undefined> {
    const { volumeName, path, key } = source;
    if (!pod.spec?.volumes?.some(({ name, emptyDir }) => name === volumeName && emptyDir))
      throw new Error(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
    const directory = volumeDirectory(paths, pod.metadata?.uid ?? '', 'kubernetes.io/empty-dir', volumeName);
    try {
      // Containers write to that volume: no link of theirs leads out of it.
      await using file = await openBelow(directory, path);
      if (!file.stats.isFile()) throw new Error('it is no file');
      return environmentFileValue(await readAtMost(file.path, LARGEST_ENVIRONMENT_FILE), key);
    } catch (error) {
      if (source.optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      // What the file holds, and where it lies, is nothing for the pod's status.
      logger.warn('Failed to parse env file', { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}`, err: error });
      throw new Error("couldn't parse env file");
    }
  }

  /** A kubelet that knows no services yet would start containers that never hear of the API server. */
  async function servicesKnown(): Promise<void> {
    for (let waitedMs = 0; !services.hasSynced; waitedMs += SERVICES_STEP_MS) {
      if (waitedMs >= SERVICES_WAIT_MS)
        throw new Error('services have not yet been read at least once, cannot construct envvars');
      await clock.sleep(SERVICES_STEP_MS);
    }
  }

  const addressesOf = (pod: V1Pod, podIps: readonly string[]) => {
    const ips = podIps.length === 0 && pod.spec?.hostNetwork ? nodeIps : podIps;
    return { podIps: byNodeFamily(ips, nodeIps), hostIps: nodeIps };
  };

  return {
    async dnsOf(pod) {
      const cluster: ClusterDnsSettings = {
        servers: configuration.clusterDNS ?? [],
        domain: clusterDomain,
        host: await hostDns(),
        nodeIps,
      };
      const { settings, warnings } = podDns(pod, cluster);
      for (const { reason, message } of warnings) {
        logger.warn(message, { pod: `${pod.metadata?.namespace}/${pod.metadata?.name}` });
        const isNodes = reason === 'MissingClusterDNS';
        if (isNodes) events?.event(node, 'Warning', reason, message);
        events?.event(pod, 'Warning', reason, isNodes ? `pod: "${fullName(pod)}". ${message}` : message);
      }
      return settings;
    },

    hostnameOf: (pod) => kernelHostname(pod, podHostname(pod, clusterDomain)),

    async environmentOf(pod, container, podIps) {
      try {
        if (!isStatic(pod)) await servicesKnown();
        const links = { enableServiceLinks: pod.spec?.enableServiceLinks ?? true };
        return await containerEnvironment(pod, container, {
          objects,
          addresses: addressesOf(pod, podIps),
          allocatable: options.context.node()?.status?.allocatable ?? {},
          services: serviceVariables(servicesForPod(services.list(), pod.metadata?.namespace ?? '', links)),
          fileValue: (source) => fileValue(pod, source),
        });
      } catch (error) {
        throw configurationError(error);
      }
    },

    commandOf(container, environment) {
      try {
        return commandOf(container, environment);
      } catch (error) {
        throw configurationError(error);
      }
    },

    async hostsFileOf(pod, container, podIps) {
      const onHost = pod.spec?.hostNetwork ?? false;
      if (!onHost && podIps.length === 0) return undefined;
      if (container.volumeMounts?.some(({ mountPath }) => mountPath === HOSTS)) return undefined;
      try {
        const aliases = pod.spec?.hostAliases ?? [];
        const content = onHost
          ? hostNetworkHostsFile(await readFile(nodeHostsFile, 'utf8'), aliases)
          : podHostsFile(podIps, podHostname(pod, clusterDomain), aliases);
        const directory = podDirectory(paths, pod.metadata?.uid ?? '');
        await mkdir(directory, { recursive: true, mode: 0o750 });
        const path = join(directory, 'etc-hosts');
        await overwrite(path, content);
        return { hostPath: path, containerPath: HOSTS, readOnly: false, selinuxRelabel: true } satisfies ContainerMount;
      } catch (error) {
        throw configurationError(error);
      }
    },

    async checkResolverFile() {
      if (!resolverFile) return;
      let problem: string | undefined;
      try {
        const settings = await hostDns();
        problem = settings && resolverFileProblem(resolverFile, settings, clusterDomain);
      } catch (error) {
        problem = (error as Error).message;
      }
      if (problem) events?.event(node, 'Warning', 'CheckLimitsForResolvConf', problem);
    },
  };
}

function commandOf(container: V1Container, environment: readonly Variable[]) {
  const values = new Map(environment.map(({ name, value }) => [name, value]));
  const expand = (texts: readonly string[]) => expandAll(texts, (name) => values.get(name));
  const { command, args } = container;
  return { ...(command?.length && { command: expand(command) }), ...(args?.length && { args: expand(args) }) };
}

/** Written in place: the containers that run have this very file mounted. */
async function overwrite(path: string, content: string): Promise<void> {
  const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
  try {
    await file.chmod(0o644);
    await file.writeFile(content);
  } finally {
    await file.close();
  }
}

/** The file as text. @throws Error for one that is larger, also when it grows meanwhile */
async function readAtMost(path: string, largestBytes: number): Promise<string> {
  const file = await open(path);
  try {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of file.createReadStream({ autoClose: false })) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > largestBytes) throw new Error(`${path} is larger than ${largestBytes} bytes`);
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await file.close();
  }
}

/** At most one address of each family, the family of the node's first address before the other. */
function byNodeFamily(ips: readonly string[], nodeIps: readonly string[]): string[] {
  const parsed = ips.flatMap((ip) => parseIp(ip) ?? []);
  const first = parseIp(nodeIps[0] ?? '')?.family ?? 4;
  const ofFamily = (family: number) => parsed.find((ip) => ip.family === family);
  return [ofFamily(first), ofFamily(first === 4 ? 6 : 4)].flatMap((ip) => (ip ? [formatIp(ip)] : []));
}

function configurationError(error: unknown): PodPartError {
  const message = error instanceof Error ? error.message : String(error);
  return new PodPartError('CreateContainerConfigError', message, { eventReason: 'Failed', cause: error });
}

/** Comes from a file or URL, and runs without an API server. */
function isStatic({ metadata }: V1Pod): boolean {
  const source = metadata?.annotations?.['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}

const fullName = ({ metadata }: V1Pod) => `${metadata?.name}_${metadata?.namespace}(${metadata?.uid})`;

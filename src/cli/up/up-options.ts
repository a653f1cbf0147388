import { resolve } from 'node:path';
import { type EtcdFiles, NETWORK_PLUGINS, type NetworkPlugin } from '../../cluster/options.ts';
import type { CommandIo } from '../../std/command.ts';
import { type FlagDefinition, FlagError, type FlagValues, type ParsedFlags } from '../../std/flags.ts';
import { parseServerUrls } from '../../store/etcd/server-url.ts';
import { etcdServersOf, type StoreSpec } from '../../store/open-store.ts';
import { checkClusterName, DEFAULT_CLUSTER } from '../local/cluster-home.ts';

export const NAME_FLAG: FlagDefinition = { name: 'name', type: 'string', default: DEFAULT_CLUSTER, description: 'the cluster' };
export const DEFAULT_NODES = 3;

export const UP_FLAGS: readonly FlagDefinition[] = [
  NAME_FLAG,
  {
    name: 'nodes',
    type: 'int',
    default: DEFAULT_NODES,
    description: 'how many hollow nodes join; beside a real one, none unless it is said',
  },
  {
    name: 'runtime',
    type: 'string',
    default: 'auto',
    description:
      'what runs pods: with containerd this machine becomes a node whose pods run; hollow keeps the state of pods without running them; auto is containerd where it answers and root asks, else hollow ($MUSTER_RUNTIME goes before this default)',
  },
  {
    name: 'container-runtime-endpoint',
    type: 'string',
    description: 'where the container runtime listens; default $CONTAINER_RUNTIME_ENDPOINT, else the usual sockets',
  },
  {
    name: 'network',
    type: 'string',
    description:
      'the network of pods that run: bridge (of this machine, the default where the runtime has none), flannel (vxlan), calico (BGP by BIRD) or none (you bring one); as network.plugin of deploy, which makes clusters of several hosts',
  },
  {
    name: 'store',
    type: 'string',
    description:
      'sqlite (kept on disk, the default), memory (gone when the cluster stops) or etcd=https://HOST:2379,… (kept there, below /registry)',
  },
  {
    name: 'etcd-cafile',
    type: 'string',
    description: "for --store etcd=…: authorities that etcd's certificates are checked against",
  },
  { name: 'etcd-certfile', type: 'string', description: 'for --store etcd=…: client certificate' },
  { name: 'etcd-keyfile', type: 'string', description: 'for --store etcd=…: client key' },
  {
    name: 'data-dir',
    type: 'string',
    description:
      "where the cluster's data is kept; default below $MUSTER_HOME, else $XDG_DATA_HOME/muster, else ~/.local/share/muster",
  },
  {
    name: 'port',
    type: 'int',
    description: 'of the API server; default 6443 when it is free, else another; kept for later starts',
  },
  {
    name: 'kubeconfig',
    type: 'string',
    description: 'where the context is added and selected; default the first file of $KUBECONFIG, else ~/.kube/config',
  },
  {
    name: 'legacy-service-account-tokens',
    type: 'bool',
    description: 'make a token Secret for every service account, as Kubernetes did before 1.24',
  },
  {
    name: 'runtime-config',
    type: 'strings',
    description: 'API versions to turn on or off, as kube-apiserver has them: extensions/v1beta1=true takes manifests of 2018',
  },
  { name: 'foreground', type: 'bool', description: 'run in this process until SIGINT or SIGTERM, logging to standard error' },
  { name: 'output', shorthand: 'o', type: 'string', description: 'json for one object' },
  { name: 'v', shorthand: 'v', type: 'int', description: 'how much the cluster logs' },
  {
    name: 'report-fd',
    type: 'int',
    hidden: true,
    description: 'file descriptor on which the background process tells how the start went',
  },
];

/** What `up` was asked for; undefined: not said, so what the data directory remembers counts. */
export interface UpOptions {
  readonly name: string;
  readonly nodes: number | undefined;
  readonly runtime: Runtime;
  /** `unix:///run/containerd/containerd.sock` */
  readonly containerRuntimeEndpoint: string | undefined;
  readonly network: NetworkPlugin | undefined;
  readonly store: StoreSpec | undefined;
  /** Whole paths of files for an etcd; undefined: not said. */
  readonly etcdFiles: EtcdFiles | undefined;
  readonly dataDir: string | undefined;
  readonly port: number | undefined;
  readonly kubeconfig: string;
  readonly legacyServiceAccountTokens: boolean;
  /** `group/version=true`, as given. */
  readonly runtimeConfig: readonly string[];
  readonly json: boolean;
  readonly verbosity: number;
}

/** @throws FlagError for what cannot be understood, CodedError for what is not there yet */
export function readUpOptions({ values, isSet, args }: ParsedFlags, { cwd, env }: Pick<CommandIo, 'cwd' | 'env'>): UpOptions {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const invalid = (flag: string, what: string) => new FlagError(`--${flag}`, `invalid argument for "--${flag}" flag: ${what}`);
  const nodes = values.int('nodes');
  if (nodes < 0 || nodes > 10_000) throw invalid('nodes', `${nodes} is not between 0 and 10000`);
  const port = values.int('port');
  if (isSet('port') && (port < 1 || port > 65_535)) throw invalid('port', `${port} is not between 1 and 65535`);
  const output = values.string('output');
  if (output !== '' && output !== 'json') throw invalid('output', `${JSON.stringify(output)} is not json`);
  const given = isSet('runtime') ? undefined : env['MUSTER_RUNTIME'];
  return {
    name: checkClusterName(values.string('name')),
    nodes: isSet('nodes') ? nodes : undefined,
    runtime: readRuntime(given || values.string('runtime'), given ? '$MUSTER_RUNTIME' : '--runtime'),
    containerRuntimeEndpoint: values.string('container-runtime-endpoint') || env['CONTAINER_RUNTIME_ENDPOINT'] || undefined,
    network: readNetwork(values.string('network')),
    store: values.string('store') === '' ? undefined : readStore(values.string('store')),
    etcdFiles: readEtcdFiles(values, cwd),
    dataDir: values.string('data-dir') ? resolve(cwd, values.string('data-dir')) : undefined,
    port: isSet('port') ? port : undefined,
    kubeconfig: values.string('kubeconfig') && resolve(cwd, values.string('kubeconfig')),
    legacyServiceAccountTokens: values.bool('legacy-service-account-tokens'),
    runtimeConfig: values.strings('runtime-config'),
    json: output === 'json',
    verbosity: values.int('v'),
  };
}

const RUNTIMES = ['auto', 'containerd', 'hollow'] as const;
type Runtime = (typeof RUNTIMES)[number];

function readRuntime(runtime: string, where: string): Runtime {
  const known = RUNTIMES.find((name) => name === runtime);
  if (known) return known;
  throw new FlagError(where, `invalid argument ${JSON.stringify(runtime)} for "${where}": must be auto, containerd or hollow`);
}

function readNetwork(network: string): NetworkPlugin | undefined {
  if (network === '') return undefined;
  const known = NETWORK_PLUGINS.find((name) => name === network);
  if (known) return known;
  const names = NETWORK_PLUGINS.join(', ');
  throw new FlagError('--network', `invalid argument ${JSON.stringify(network)} for "--network" flag: must be one of ${names}`);
}

function readStore(store: string): StoreSpec {
  if (store === 'sqlite' || store === 'memory') return store;
  const servers = etcdServersOf(store);
  if (servers === undefined)
    throw new FlagError(
      '--store',
      `invalid argument ${JSON.stringify(store)} for "--store" flag: must be sqlite, memory or etcd=URL,…`,
    );
  try {
    parseServerUrls(servers);
  } catch (error) {
    throw new FlagError('--store', `invalid argument ${JSON.stringify(store)} for "--store" flag: ${(error as Error).message}`);
  }
  return `etcd=${servers}`;
}

function readEtcdFiles(values: FlagValues, cwd: string): EtcdFiles | undefined {
  const path = (flag: string) => (values.string(flag) === '' ? undefined : resolve(cwd, values.string(flag)));
  const [ca, certificate, key] = [path('etcd-cafile'), path('etcd-certfile'), path('etcd-keyfile')];
  if (ca === undefined && certificate === undefined && key === undefined) return undefined;
  if ((certificate === undefined) !== (key === undefined)) {
    const missing = certificate === undefined ? '--etcd-certfile' : '--etcd-keyfile';
    throw new FlagError(missing, `${missing} is missing: --etcd-certfile and --etcd-keyfile go together`);
  }
  return { ...(ca !== undefined && { ca }), ...(certificate !== undefined && key !== undefined && { certificate, key }) };
}

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { canListen, firstNodeAddress } from '../../src/cluster/node-addresses.ts';
import { PROGRAM, startProgram } from '../harness/component-process.ts';
import { type Kubectl, type KubectlVersion, kubectl, kubectlPath } from '../harness/kubectl.ts';
import { type CommandResult, runCommand, runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import {
  ADMIN_KUBECONFIG_LINES,
  APISERVER_FLAGS,
  CONTROLLER_MANAGER_FLAGS,
  componentKubeconfigLines,
  type KubeletDocument,
  WORKER_KUBELET,
} from './documents.ts';
import { answerOf } from './https-get.ts';
import { type LoadBalancer, startLoadBalancer } from './load-balancer.ts';
import { RunbookHost } from './runbook-host.ts';
import { RunbookService } from './runbook-service.ts';

/** The last numbers of the documents' addresses. */
const MASTER = 31;
const VIRTUAL_ADDRESS = 200;
const FIRST_NODE = 128;
const JOURNAL_LINES = 60;
/** On a machine that is busy with other tests. */
const READY_MS = 60_000;

export interface ShellOptions {
  /** Whose paths are meant. Default the master. */
  readonly host?: RunbookHost;
  /** Which kubectl is on the PATH. Default 1.20. */
  readonly version?: KubectlVersion;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
}

/** Flags as the documents give them, but for these: `--name=value` replaces the flag of that name or is added. */
export interface FlagChanges {
  readonly flags?: readonly string[];
  /** Names, without dashes, of flags to leave out. */
  readonly without?: readonly string[];
}

export interface KubeletOptions extends FlagChanges {
  /** Whose kubelet; default that of 000. */
  readonly document?: KubeletDocument;
  /** Fields to set in its configuration file, over the document's; undefined takes one away. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The whole text of its configuration file instead, as it is. */
  readonly configText?: string;
  /** Default: a host of the node's name, which is made when there is none. */
  readonly host?: RunbookHost;
  /** `--hostname-override`; default the node's name. */
  readonly nodeName?: string;
  /** A file to put where the document expects the bootstrap kubeconfig. Default: the one that 000's loop makes for this node. */
  readonly bootstrapKubeconfig?: string;
}

/**
 * A cluster put together by hand, as the runbooks do it: each component a process of its own under upstream's name, with the
 * documents' flags and files, on hosts that are directories and loopback addresses. Any number of them fit beside each other.
 */
export interface RunbookCluster extends AsyncDisposable {
  /** The host where the documents' lines run; has the certificates, and the administrator's kubeconfig in its `~/.kube/config`. */
  readonly master: RunbookHost;
  /** `https://192.168.20.31:6443` of the documents. */
  readonly server: string;
  /** `https://${MASTER_VIP}:8443` of the documents: a TCP load balancer before the API server. */
  readonly virtualServer: string;
  readonly apiserver: RunbookService;
  readonly controllerManager: RunbookService;
  /** As administrator. */
  readonly kubectl120: Kubectl;
  readonly kubectl135: Kubectl;
  /** Host of a name; made, with the authority's certificate in the documents' directories, when there is none. */
  host(name: string): RunbookHost;
  startApiserver(changes?: FlagChanges): Promise<RunbookService>;
  startControllerManager(changes?: FlagChanges): Promise<RunbookService>;
  /** Puts a kubelet's files on its host; answers the command line that is to be run there. */
  prepareKubelet(name: string, options?: KubeletOptions): { host: RunbookHost; args: readonly string[]; cwd: string };
  /** Starts it and waits for nothing: a kubelet is ready only when somebody approves. `await kubelet.ready()` waits for healthz. */
  startKubelet(name: string, options?: KubeletOptions): RunbookService;
  /** Runs lines of a document in bash and answers what they print; fails when they do. */
  sh(script: string, options?: ShellOptions): Promise<string>;
  /** The same, whatever their end. */
  trySh(script: string, options?: ShellOptions): Promise<CommandResult>;
  /** What the documents mean by a path or address on the master. */
  path(documentPath: string): string;
  /** The last lines of every journal, for a test that failed. */
  journals(): string;
}

/** Makes certificates, links and kubeconfigs; starts nothing. */
export async function openRunbookCluster(): Promise<RunbookCluster> {
  const directory = await temporaryDirectory();
  const network = await freeNetwork();
  const hosts = new Map<string, RunbookHost>();
  const services: RunbookService[] = [];
  let loadBalancer: LoadBalancer | undefined;
  let apiserver: RunbookService | undefined;
  let controllerManager: RunbookService | undefined;

  const addHost = (name: string, lastNumber: number) => {
    const host = new RunbookHost(name, directory.file(name), network, lastNumber);
    hosts.set(name, host);
    return host;
  };
  const master = addHost('master', MASTER);
  const [bin, ssl] = [directory.file('bin'), master.path('/etc/kubernetes/ssl')];
  const server = `https://${master.address}:6443`;
  const virtualAddress = `${network}${VIRTUAL_ADDRESS}`;
  const kubeconfig = join(master.home, '.kube', 'config');

  const trySh: RunbookCluster['trySh'] = (script, { host = master, version = '1.20', env, cwd, input } = {}) =>
    runCommand('bash', ['-c', `set -e -o pipefail\n${host.translate(script)}`], {
      cwd: cwd ?? host.home,
      input,
      env: {
        HOME: host.home,
        KUBECONFIG: undefined,
        PATH: `${bin}:${directory.file(`kubectl-${version}`)}:${process.env['PATH']}`,
        ...env,
      },
    });
  const sh: RunbookCluster['sh'] = async (script, options) => {
    const result = await trySh(script, options);
    if (result.status !== 0)
      throw new Error(`ended with ${result.status ?? result.signal}:\n${script}\n${result.stderr}${result.stdout}`);
    return result.stdout;
  };
  const serve = (
    name: string,
    program: string,
    args: readonly string[],
    options: { host: RunbookHost; cwd?: string; url: string },
  ) => {
    const { host, cwd = host.home, url } = options;
    const service = new RunbookService(
      name,
      args.map((argument) => host.translate(argument)),
      (translated) => startProgram(join(bin, program), translated, { cwd, env: { HOME: host.home, KUBECONFIG: undefined } }),
      (process) =>
        until(
          `${name} is healthy`,
          async () => {
            // A process that ended will never be; what it said is the reason.
            if (process.exitStatus !== undefined) return 'ended' as const;
            return (await answerOf(url, ssl)) === 200 && ('healthy' as const);
          },
          { timeoutMs: READY_MS },
        ).then((end) => {
          if (end === 'ended') throw new Error(`${name} ended with ${process.exitStatus}:\n${process.output}`);
        }),
    );
    services.push(service);
    return service;
  };

  const cluster: RunbookCluster = {
    master,
    server,
    virtualServer: `https://${virtualAddress}:8443`,
    get apiserver() {
      return started(apiserver, 'kube-apiserver');
    },
    get controllerManager() {
      return started(controllerManager, 'kube-controller-manager');
    },
    kubectl120: kubectl('1.20', kubeconfig, master.home),
    kubectl135: kubectl('1.35', kubeconfig, master.home),
    host(name) {
      const existing = hosts.get(name);
      if (existing) return existing;
      const host = addHost(name, FIRST_NODE + hosts.size - 1);
      for (const target of ['ssl', 'cert', 'pki'])
        cpSync(join(ssl, 'ca.pem'), join(host.path(`/etc/kubernetes/${target}`), 'ca.pem'), { recursive: true });
      return host;
    },
    startApiserver(changes) {
      const flags = changeFlags(APISERVER_FLAGS, changes);
      apiserver = serve('kube-apiserver', 'kube-apiserver', flags, { host: master, url: `${server}/readyz` });
      return apiserver.ready();
    },
    startControllerManager(changes) {
      const flags = changeFlags(CONTROLLER_MANAGER_FLAGS, changes);
      const url = `https://${master.address}:10257/healthz`;
      controllerManager = serve('kube-controller-manager', 'kube-controller-manager', flags, { host: master, url });
      return controllerManager.ready();
    },
    prepareKubelet(name, options = {}) {
      const { document = WORKER_KUBELET, config, nodeName = name } = options;
      const host = options.host ?? cluster.host(name);
      const onHost = (text: string) =>
        host.translate(text.replaceAll('##NODE_IP##', host.address).replaceAll('##NODE_NAME##', nodeName));
      // As 004 says, both addresses are the host's own.
      const whole = { ...document.config, healthzBindAddress: host.address, ...config };
      writeFileSync(host.path(document.configPath), options.configText ?? onHost(JSON.stringify(whole, null, 2)));
      const source = options.bootstrapKubeconfig ?? join(master.home, `kubelet-bootstrap-${nodeName}.kubeconfig`);
      cpSync(source, host.path(document.bootstrapKubeconfig));
      const rootDirectory = document.flags.some((flag) => flag.startsWith('--root-dir')) ? [] : ['--root-dir=/var/lib/kubelet'];
      // These hosts are directories: no container runtime belongs to them.
      const args = [...changeFlags([...document.flags, ...rootDirectory], options).map(onHost), '--runtime=hollow'];
      return { host, args, cwd: host.path('/var/lib/kubelet') };
    },
    startKubelet(name, options) {
      const { host, args, cwd } = cluster.prepareKubelet(name, options);
      return serve(`kubelet of ${name}`, 'kubelet', args, { host, cwd, url: `http://${host.address}:10248/healthz` });
    },
    sh,
    trySh,
    path: (documentPath) => master.path(documentPath),
    journals: () =>
      services
        .map(({ name, journal }) => `── ${name}\n${journal.trimEnd().split('\n').slice(-JOURNAL_LINES).join('\n')}\n`)
        .join(''),
    async [Symbol.asyncDispose]() {
      await Promise.all(services.map((service) => service.stop()));
      await loadBalancer?.stop();
      await directory[Symbol.asyncDispose]();
    },
  };

  try {
    const muster = (...args: string[]) => runOrFail(process.execPath, [PROGRAM, ...args]);
    const addresses = ['127.0.0.1', master.address, virtualAddress];
    putKubectls(directory.file('kubectl-1.20'), directory.file('kubectl-1.35'));
    await Promise.all([
      muster('link', bin),
      muster(
        ...['certs', 'init', '--layout=ssl', `--dir=${ssl}`, '--service-cluster-ip-range=10.0.0.0/12'],
        ...addresses.flatMap((address) => [`--apiserver-ip=${address}`, `--etcd-ip=${address}`]),
      ),
      startLoadBalancer({ address: virtualAddress, port: 8443 }, { address: master.address, port: 6443 }).then((balancer) => {
        loadBalancer = balancer;
      }),
      sh(ADMIN_KUBECONFIG_LINES),
      sh(
        componentKubeconfigLines('kube-controller-manager', {
          user: 'system:kube-controller-manager',
          context: 'system:kube-controller-manager',
        }),
        { cwd: master.path('/etc/kubernetes') }, // M-16: where they are used from
      ),
    ]);
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

/**
 * One cluster for all tests of a file: made and `start`ed before the first, ended after the last; a test that fails shows the
 * journals. To be called at the top of the file; the cluster is there once the first test runs.
 */
export function useRunbookCluster(start: (cluster: RunbookCluster) => Promise<unknown>): { readonly current: RunbookCluster } {
  let cluster: RunbookCluster | undefined;
  before(async () => {
    cluster = await openRunbookCluster();
    try {
      await start(cluster);
    } catch (error) {
      process.stderr.write(cluster.journals());
      throw error;
    }
  });
  afterEach((context) => {
    if ('passed' in context && !context.passed) process.stderr.write(`${context.name}\n${cluster?.journals()}`);
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  return {
    get current() {
      if (!cluster) throw new Error('the cluster is there only while tests run');
      return cluster;
    },
  };
}

/** @throws Error when there is nothing to be left out: a document that changed would otherwise go unnoticed */
function changeFlags(documented: readonly string[], { flags = [], without = [] }: FlagChanges = {}): string[] {
  const nameOf = (flag: string) => flag.replace(/^--/, '').split('=')[0]!;
  const replaced = new Set([...flags.filter((flag) => flag.startsWith('--')).map(nameOf), ...without]);
  for (const name of without)
    if (!documented.some((flag) => nameOf(flag) === name)) throw new Error(`the document has no flag --${name}`);
  return [...documented.filter((flag) => !flag.startsWith('--') || !replaced.has(nameOf(flag))), ...flags];
}

function started(service: RunbookService | undefined, name: string): RunbookService {
  if (!service) throw new Error(`${name} has not been started`);
  return service;
}

/**
 * Debian's kubectl 1.20, built by a newer Go than its libraries know, panics whenever it makes a user in a kubeconfig; that one
 * command, which asks no server, is done by the newer kubectl.
 */
function putKubectls(old: string, current: string): void {
  for (const directory of [old, current]) mkdirSync(directory);
  symlinkSync(kubectlPath('1.35'), join(current, 'kubectl'));
  const choice = `case "$1 $2" in "config set-credentials") exec ${kubectlPath('1.35')} "$@" ;; *) exec ${kubectlPath('1.20')} "$@" ;; esac`;
  writeFileSync(join(old, 'kubectl'), `#!/bin/sh\n${choice}\n`, { mode: 0o755 });
}

/** `127.1.2.`: a network of loopback addresses that nobody else serves on. */
function freeNetwork(): Promise<string> {
  return until('there is a free loopback network', async () => {
    const first = firstNodeAddress(Math.random);
    const network = first.slice(0, first.lastIndexOf('.') + 1);
    const free = await Promise.all([
      canListen(`${network}${MASTER}`, 6443),
      canListen(`${network}${VIRTUAL_ADDRESS}`, 8443),
      canListen(`${network}${FIRST_NODE}`, 10250),
    ]);
    return free.every(Boolean) && network;
  });
}

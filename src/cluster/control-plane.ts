import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResourceKind } from '../api/machinery/kind.ts';
import type { KubeObject } from '../api/machinery/object.ts';
import { clusterRoleKind } from '../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../api/rbac/v1/cluster-role-binding.ts';
import { storageClassKind } from '../api/storage/v1/storage-class.ts';
import { type ApiServer, startApiServer } from '../apiserver/apiserver.ts';
import type { UserInfo } from '../apiserver/contracts.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import type { ObjectReader } from '../client/object-reader.ts';
import { createSharedReader } from '../client/shared-reader.ts';
import type { Transport } from '../client/transport/transport.ts';
import { unlessReason } from '../client/unless-reason.ts';
import { formatKubeconfig } from '../pki/kubeconfig.ts';
import { writeFileAtomic } from '../std/atomic-file.ts';
import { createCalm } from '../std/calm.ts';
import { setAlarm, systemClock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { makeDirectories } from '../std/directories.ts';
import { type Component, ComponentGroup, deferred } from '../std/lifecycle.ts';
import { Resources } from '../std/resources.ts';
import { apiServerNames, type ClusterKeys, issueLeaf, LEAF_LIFETIME_MS, openClusterKeys, type Pair } from './authorities.ts';
import {
  defaultStorageClass,
  joinBindings,
  KUBELET_CLIENT_USER,
  kubeletClientBinding,
  SERVING_APPROVER_USER,
  servingApproverBinding,
  servingApproverRole,
} from './bootstrap-objects.ts';
import { openClusterStore } from './cluster-store.ts';
import { createFrontProxy } from './front-proxy.ts';
import { type ClientAs, createClusterScheduler, createManager } from './in-process-components.ts';
import { adminKubeconfig } from './kubeconfigs.ts';
import { CLUSTER_CIDR, CLUSTER_DOMAIN, type ClusterConfig, KUBERNETES_SERVICE_ADDRESS, SERVICE_CIDR } from './options.ts';
import { PartHealth } from './part-health.ts';
import { createServingApprover } from './serving-approver/controller.ts';
import type { KnownNode } from './serving-approver/plan.ts';

/** API server, controllers and serving approver of one cluster, running. */
export interface ControlPlane {
  readonly server: string;
  readonly port: number;
  readonly caPem: string;
  /** The same as a file, for kubelets' `clientCAFile`. */
  readonly caFile: string;
  /** With an administrator's certificate, the one of now: it is renewed as the others are. */
  readonly kubeconfig: string;
  readonly adminTransport: Transport;
  /** Clients of other users, for parts that are started later. */
  readonly clientAs: ClientAs;
  /** What the cluster's own parts read lists and watches with: they share the objects. */
  readonly reader: ObjectReader;
  /** The nodes whose serving requests are approved; the owner adds to it. */
  readonly knownNodes: Map<string, KnownNode>;
  /** Rejects when a part fails by itself. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/** What a cluster needs to know of pods that run on this machine. */
export interface RealPods {
  /** Where they reach an API server that is bound to the loopback, which they do not. */
  readonly apiAddress?: string;
  /** Of all nodes' pods. Default `CLUSTER_CIDR`. */
  readonly podRange?: string | undefined;
}

const ADMIN: UserInfo = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };
/** Certificates are renewed when this share of their life is over. */
const RENEW_AT = 0.8;
const RENEW_AGAIN_MS = 60 * 60_000;

/** Starts the parts in order and resolves when nodes can join. What had been started is stopped again when it fails. */
export async function startControlPlane(config: ClusterConfig, directory: string, pods: RealPods = {}): Promise<ControlPlane> {
  const { clock, logger, random, name } = config;
  await using stack = new Resources();
  const keep = config.dataDir !== undefined;
  const pkiDirectory = join(directory, 'pki');
  await makeDirectories(pkiDirectory, 0o700);
  const opening = openClusterStore(config, directory);
  // Also where the keys cannot be had: a store that nobody closes keeps the next start out.
  stack.defer(async () => (await opening.catch(() => undefined))?.close());
  const [keys, store] = await Promise.all([
    openClusterKeys({ directory: pkiDirectory, keep, hasNodes: config.knownNodes.length > 0, clock }),
    opening,
  ]);
  const caPem = keys.authority.certificatePem;
  const names = apiServerNames({
    addresses: config.bindAddress === '0.0.0.0' || config.bindAddress === '::' ? [] : [config.bindAddress],
    serviceAddress: KUBERNETES_SERVICE_ADDRESS,
    clusterDomain: CLUSTER_DOMAIN,
  });
  const issue = (request: Parameters<typeof issueLeaf>[2]) => issueLeaf(keys.authority, clock, request);
  const issueOwn = () =>
    [
      issue(names),
      issue({ use: 'client auth', commonName: KUBELET_CLIENT_USER }),
      issue({ use: 'client auth', commonName: ADMIN.name, organizations: ['system:masters'] }),
    ] as const;
  const [own, frontProxy] = await Promise.all([Promise.all(issueOwn()), createFrontProxy(clock)]);
  let [serving, kubeletClient, admin] = own;

  const health = new PartHealth();
  const apiServer = await listen(config, (port) =>
    startApiServer({
      store,
      clock,
      logger: logger.child({ part: 'apiserver' }),
      random,
      bindAddress: config.bindAddress,
      ...(pods.apiAddress && isLoopback(config.bindAddress) && { clusterAddress: pods.apiAddress }),
      port,
      tls: () => serving,
      clientCaPem: caPem,
      serviceClusterIpRange: [SERVICE_CIDR, ...(config.ipv6Ranges ? [config.ipv6Ranges.services] : [])].join(','),
      runtimeConfig: config.runtimeConfig,
      kubelet: { client: () => kubeletClient, caPem },
      componentProbes: { scheduler: health.of('scheduler'), 'controller-manager': health.of('controller-manager') },
      security: { ...securityConfig(config, keys), frontProxy: frontProxy.trust },
      // Cluster addresses lead nowhere from here: this process has no proxy in front of it.
      aggregation: { proxyClient: frontProxy.client, routeToEndpoints: true },
    }),
  );
  stack.defer(() => apiServer.stop());

  const group = new ComponentGroup();
  stack.defer(() => group.stop());
  const failure = deferred();
  failure.promise.catch(() => undefined); // told by `done`
  const start = async (component: Component, role?: string) => {
    component.done.catch((error: unknown) => failure.reject(error));
    await group.start(component);
    if (role !== undefined) health.watch(role, component);
  };
  const reader = createSharedReader({ clock, freeze: config.freezeObjects });
  const as = (program: string, user: string, ...groups: string[]) =>
    createClient({
      transport: apiServer.transport({ name: user, groups: [...groups, 'system:authenticated'] }),
      userAgent: program,
      reader,
    });
  const adminTransport = apiServer.transport(ADMIN);
  const knownNodes = new Map<string, KnownNode>();
  // A clock that is moved by hand says nothing of the event loop.
  const calm = config.clock === systemClock ? createCalm({ clock: systemClock }) : undefined;
  const manager = createManager(config, keys, as, { directory, podRange: pods.podRange ?? CLUSTER_CIDR, calm });
  const scheduler = createClusterScheduler(config, as, calm);
  const approver = createServingApprover({
    client: as('muster', SERVING_APPROVER_USER),
    nodes: knownNodes,
    clock,
    logger: logger.child({ part: 'serving-approver' }),
  });
  await createObjects(createClient({ transport: adminTransport, userAgent: 'muster' }));
  await Promise.all([start(manager, 'controller-manager'), start(approver), start(scheduler, 'scheduler')]);

  const kubeconfig = () => formatKubeconfig(adminKubeconfig({ name, server: apiServer.url, caPem, pair: admin }));
  if (!keep) await writeFile(join(pkiDirectory, 'ca.crt'), caPem);
  else await keepFiles(directory, { serving, kubeconfig: kubeconfig() });
  const renewal = renewing(config, async () => {
    [serving, kubeletClient, admin] = await Promise.all([...issueOwn(), frontProxy.renew()]);
    apiServer.reloadCertificates();
    if (keep) await keepFiles(directory, { serving, kubeconfig: kubeconfig() });
  });
  stack.defer(() => renewal.cancel());
  apiServer.done.then(() => failure.resolve(), failure.reject);
  const resources = stack.move();
  return {
    server: apiServer.url,
    port: apiServer.port,
    caPem,
    caFile: join(pkiDirectory, 'ca.crt'),
    get kubeconfig() {
      return kubeconfig();
    },
    adminTransport,
    clientAs: as,
    reader,
    knownNodes,
    done: failure.promise,
    stop: () => resources.disposeAsync(),
  };
}

/** Renews again and again, as long as the cluster runs; sooner again after a failure. */
function renewing({ clock, logger }: ClusterConfig, renew: () => Promise<void>): { cancel(): void } {
  let timer = setAlarm(clock, clock.now() + LEAF_LIFETIME_MS * RENEW_AT, tick);
  let ended = false;
  function tick(): void {
    void renew()
      .then(
        () => LEAF_LIFETIME_MS * RENEW_AT,
        (error: unknown) => {
          logger.error("Cannot renew the control plane's certificates", { error });
          return RENEW_AGAIN_MS;
        },
      )
      .then((againMs) => {
        if (!ended) timer = setAlarm(clock, clock.now() + againMs, tick);
      });
  }
  return {
    cancel() {
      ended = true;
      timer.cancel();
    },
  };
}

const isLoopback = (address: string) => address.startsWith('127.') || address === '::1' || address === 'localhost';

function securityConfig(config: ClusterConfig, keys: ClusterKeys) {
  return {
    clientCa: true,
    enableBootstrapTokenAuth: true,
    authorizationModes: ['Node', 'RBAC'] as const,
    enableAdmissionPlugins: ['NodeRestriction'],
    serviceAccount: {
      issuer: `https://kubernetes.default.svc.${CLUSTER_DOMAIN}`,
      signingKeyPem: keys.serviceAccountKeyPem,
      verificationKeyPems: [keys.serviceAccountPublicKeyPem],
    },
    legacyServiceAccountTokenAutoGeneration: config.legacyServiceAccountTokens,
  };
}

/** What the runbooks create by hand, and what the serving approver needs. There already after a restart. */
async function createObjects(client: Client): Promise<void> {
  const create = <T extends KubeObject>(kind: ResourceKind, object: T) =>
    unlessReason(client.resource<T>(kind).create(object), 'AlreadyExists');
  await Promise.all([
    ...[kubeletClientBinding(), ...joinBindings()].map((binding) => create(clusterRoleBindingKind, binding)),
    create(clusterRoleKind, servingApproverRole()),
    create(clusterRoleBindingKind, servingApproverBinding()),
    create(storageClassKind, defaultStorageClass()),
  ]);
}

/** What `muster status` and people look at; nothing here is read again by the cluster. */
async function keepFiles(directory: string, files: { serving: Pair; kubeconfig: string }): Promise<void> {
  await Promise.all([
    writeFileAtomic(join(directory, 'pki', 'apiserver.crt'), files.serving.certificatePem, { mode: 0o644 }),
    writeFileAtomic(join(directory, 'admin.kubeconfig'), files.kubeconfig, { mode: 0o600 }),
  ]);
}

/** Starts on the port, or on another when it was only a wish; says in plain words when it is somebody else's. */
async function listen(config: ClusterConfig, start: (port: number) => Promise<ApiServer>): Promise<ApiServer> {
  try {
    return await start(config.port);
  } catch (error) {
    const code = errorCode(error);
    if (code !== undefined && config.portIsPreference && config.port !== 0) return start(0);
    const where = `${config.bindAddress}:${config.port}`;
    if (code === 'EADDRINUSE')
      throw new CodedError(`port ${config.port} is taken: something else listens on ${where}; stop it or choose another --port`, {
        code: 'PORT_TAKEN',
        cause: error,
      });
    if (code === 'EACCES')
      throw new CodedError(`not allowed to listen on ${where}; choose a --port above 1023`, {
        code: 'PORT_FORBIDDEN',
        cause: error,
      });
    throw error;
  }
}

function errorCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') return code;
  }
  return undefined;
}

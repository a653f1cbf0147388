import { join as joinPath } from 'node:path';
import type { V1Node } from '../api/gen/types.ts';
import { createEventRecorder } from '../client/events.ts';
import { type Component, ComponentGroup, deferred } from '../std/lifecycle.ts';
import { connectByHttps } from './api-connection.ts';
import { openApiServers } from './api-servers.ts';
import type { CertificateManager } from './certificates/certificate-manager.ts';
import type { KeyPair } from './certificates/certificate-store.ts';
import { openClientCertificateManager } from './client-certificate.ts';
import { identifyKubelet, USER_AGENT } from './identify.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { createKubeletMetrics } from './metrics/kubelet-metrics.ts';
import { createLeaseKeeper } from './node/lease-keeper.ts';
import type { NodeHealth } from './node/node-conditions.ts';
import { createNodeController, type NodeController } from './node/node-controller.ts';
import { nodeDetails } from './node/node-details.ts';
import { type NodeFacts, newNode } from './node/node-plan.ts';
import { createRuntimeHealth } from './node/runtime-health.ts';
import { createPodController, type PodController } from './pods/pod-controller.ts';
import type { RealNode } from './real-pods.ts';
import type { createHealthzServer } from './server/healthz-server.ts';
import type { KubeletServer } from './server/kubelet-server.ts';
import type { KubeletView } from './server/kubelet-view.ts';

export interface Kubelet extends Component {
  readonly nodeName: string;
  /** Of the secured API; 0 when it does not listen (yet). */
  readonly port: number;
  readonly healthzPort: number;
  /** As the server last answered it. */
  readonly node: V1Node | undefined;
}

/**
 * A kubelet: joins its node to the cluster (TLS bootstrap where needed), keeps it registered and its certificates renewed,
 * runs the pods bound to it and serves the secured API. `start` resolves when the Node is registered and everything about its
 * identity is on disk; with `registerNode: false` it does not wait for the Node. A start that rejects has stopped what it began.
 */
export function createKubelet(options: KubeletOptions): Kubelet {
  const { nodeName, configuration, runtime, clock, logger, random } = options;
  const connect = options.connect ?? connectByHttps;
  const group = new ComponentGroup();
  const done = deferred();
  const startedAtMs = clock.now();
  let failure: unknown;
  let server: KubeletServer | undefined;
  let healthz: ReturnType<typeof createHealthzServer> | undefined;
  let nodeController: NodeController | undefined;
  let pods: PodController | undefined;
  let clientCertificates: CertificateManager | undefined;
  let servingCertificates: CertificateManager | undefined;
  let clientPair: KeyPair | undefined;
  let servingPair: KeyPair | undefined;
  let closeConnection: (() => Promise<void>) | undefined;
  let stopping: Promise<void> | undefined;
  let realNode: RealNode | undefined;
  const eventsEnd = new AbortController();

  const view: KubeletView = {
    nodeName,
    startedAtMs,
    configuration,
    pods: () => pods?.pods() ?? [],
    pod: (namespace, name) => pods?.pod(namespace, name),
    container: async (podUid, name, options) => pods?.container(podUid, name, options),
    sandbox: async (podUid) => pods?.sandbox(podUid),
    runtime,
    logDirectory: '/var/log',
    ...(options.podPaths && { checkpointDirectory: joinPath(options.podPaths.root, 'checkpoints') }),
    ...(runtime.logs && {
      // What only containers with output need is loaded with the first question for it.
      async *readLog(...asked: Parameters<NonNullable<KubeletView['readLog']>>) {
        const { createContainerLogReader } = await import('./logs/container-logs.ts');
        yield* createContainerLogReader({ runtime, clock })(...asked);
      },
    }),
    get statistics() {
      return realNode?.statistics;
    },
    ...(options.flags && { flags: options.flags }),
    ...(options.setVerbosity && { setVerbosity: options.setVerbosity }),
    unhealthy: () => (failure === undefined ? undefined : String(failure)),
    certificateEnds: () => ({ client: clientPair?.notAfterMs, server: servingPair?.notAfterMs }),
    metrics: options.metrics ?? createKubeletMetrics(),
    renewFailures: () => ({ client: clientCertificates?.renewFailures ?? 0, server: servingCertificates?.renewFailures ?? 0 }),
  };

  const runtimeHealth = createRuntimeHealth(runtime, clock);
  const health = async (): Promise<NodeHealth> => ({ ...(await runtimeHealth()), ...realNode?.health() });

  /** Starts a part whose own end is the kubelet's end. */
  function begin(component: Component): Promise<void> {
    // What starts late in a kubelet that is stopping would never be stopped.
    if (stopping !== undefined) return Promise.reject(new DOMException('the kubelet is stopping', 'AbortError'));
    component.done.catch((error: unknown) => {
      if (stopping !== undefined) return; // `group.stop` reports it
      failure = error;
      logger.error(`${component.name} failed`, { err: error });
      void stop();
    });
    return group.start(component);
  }

  function stop(): Promise<void> {
    stopping ??= (async () => {
      eventsEnd.abort(new DOMException('the kubelet is stopping', 'AbortError'));
      try {
        await group.stop();
      } catch (error) {
        failure ??= error;
      }
      realNode?.stop();
      await closeConnection?.();
      if (failure === undefined) done.resolve();
      else done.reject(failure);
    })();
    return stopping;
  }

  async function join(signal: AbortSignal): Promise<void> {
    const { machine, clientCaPem, identity } = options.identified ?? (await identifyKubelet(options, signal));
    clientPair = identity.pair;
    // As upstream: a kubelet that waits for its certificate is not yet healthy.
    if (configuration.healthzPort > 0) {
      // Loaded where it is used: node:http brings a whole client for the Web along.
      const { createHealthzServer } = await import('./server/healthz-server.ts');
      healthz = createHealthzServer({ address: configuration.healthzBindAddress, port: configuration.healthzPort, view, logger });
      await begin(healthz);
    }
    const { token } = identity.context;
    const limit = { qps: configuration.kubeAPIQPS, burst: configuration.kubeAPIBurst, clock };
    const connection = connect(identity.context, () => credentialsOf(clientPair, clock.now()) ?? { token }, {
      userAgent: USER_AGENT,
      clock,
      limit,
      metrics: view.metrics,
    });
    closeConnection = () => connection.close();
    const { client } = connection;

    clientCertificates = await openClientCertificateManager(options, identity, client, (pair) => {
      clientPair = pair;
      logger.info('certificate rotation detected, shutting down client connections to start using new credentials');
      connection.reconnect().catch((error: unknown) => logger.error('Closing the old connections failed', { err: error }));
    });
    clientPair = clientCertificates?.current() ?? clientPair;
    const hostname = options.hostname ?? nodeName;
    const nodeIps = options.nodeIps ?? [machine.addresses[0] ?? '127.0.0.1'];
    const facts = (): NodeFacts => ({
      name: nodeName,
      hostname,
      ipAddresses: nodeIps,
      labels: options.labels ?? {},
      machine,
      runtime: runtime.version,
      configuration,
      port: server?.port,
    });
    const events =
      options.recordEvents === false
        ? undefined
        : createEventRecorder({
            client,
            component: 'kubelet',
            host: nodeName,
            limit: { qps: configuration.eventRecordQPS, burst: configuration.eventBurst },
            clock,
            logger,
            signal: eventsEnd.signal,
          });
    if (options.podPaths) {
      // Loaded where pods have processes: hollow ones need none of it.
      const { createRealPods } = await import('./real-pods.ts');
      const { metrics } = view;
      const node = () => nodeController?.node;
      const { pods: list, pod, container, sandbox } = view;
      const podsOfView = { pods: list, pod, container, sandbox };
      const common = { client, nodeName, nodeIps, configuration, runtime, paths: options.podPaths, clock, logger, random };
      realNode = await createRealPods({
        context: { ...common, node, events, metrics },
        machine,
        startedAtMs,
        pods: { ...podsOfView, evict: async (uid, end) => pods?.evict(uid, end) },
        credentialProviders: options.credentialProviders,
        // Static pods do not wait for the API server's Node.
        firstNode: () => newNode(facts(), {}, clock.now()),
        nodeChanged: () => nodeController?.poke(),
      });
    }
    const names = { hostname, ipAddresses: nodeIps };
    const onServing = (pair: KeyPair | undefined) => {
      servingPair = pair;
    };
    const servers = await openApiServers(options, { view, client, clientCaPem, names, begin, onServing });
    server = servers.server;
    servingCertificates = servers.manager;
    nodeController = createNodeController({
      client,
      facts: facts(),
      health,
      ...(options.podPaths && {
        details: ({ runtime: status }) =>
          nodeDetails(
            {
              runtime,
              configuration,
              volumesInUse: () => realNode?.volumesInUse() ?? [],
              ...(realNode && { devices: realNode.deviceAmounts }),
            },
            status,
          ),
      }),
      ...(options.podPaths && {
        tell: (reason: string) =>
          events?.event(nodeReference(nodeName), 'Normal', reason, `Node ${nodeName} status is now: ${reason}`),
      }),
      register: configuration.registerNode,
      expectsPodCidr: options.expectsPodCidr,
      clock,
      logger,
      random,
    });
    const node = nodeController;
    const lease = createLeaseKeeper({
      client,
      nodeName,
      durationSeconds: configuration.nodeLeaseDurationSeconds,
      nodeUid: () => node.node?.metadata?.uid,
      clock,
      logger,
      random,
      onGap: () => node.poke({ distrust: true }),
    });
    pods = createPodController({
      client,
      nodeName,
      nodeIps,
      runtime,
      podCidr: () => node.podCidr(),
      ...(realNode && { real: realNode.real }),
      events,
      metrics: view.metrics,
      clock,
      logger,
      random,
    });
    events?.event(nodeReference(nodeName), 'Normal', 'Starting', 'Starting kubelet.');
    if (realNode && configuration.enforceNodeAllocatable.includes('pods'))
      events?.event(nodeReference(nodeName), 'Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');

    // All at once: each waits for the API server by itself, however long that is away.
    const registered = begin(node).then(() => begin(lease));
    const managers = [clientCertificates, servingCertificates].filter((manager) => manager !== undefined).map(begin);
    const background = begin(pods);
    // They wait for the API server as long as it takes; static pods do not.
    for (const component of realNode?.components ?? []) begin(component).catch(() => undefined); // told by their `done`
    await Promise.all([identity.persisted, ...managers, ...(configuration.registerNode ? [registered, background] : [])]);
    if (!configuration.registerNode) for (const part of [registered, background]) part.catch(() => undefined); // told by their `done`
  }

  return {
    name: `kubelet ${nodeName}`,
    nodeName,
    get port() {
      return server?.port ?? 0;
    },
    get healthzPort() {
      return healthz?.port ?? 0;
    },
    get node() {
      return nodeController?.node;
    },
    async start(signal) {
      signal.throwIfAborted();
      signal.addEventListener('abort', () => void stop(), { once: true });
      done.promise.catch(() => undefined); // whoever waits for `done` is told; who only started it has been by `start`
      try {
        await join(signal);
      } catch (error) {
        await stop();
        throw failure ?? error;
      }
    },
    done: done.promise,
  };
}

function credentialsOf(pair: KeyPair | undefined, nowMs: number) {
  if (!pair || pair.notAfterMs <= nowMs) return undefined;
  return { certificatePem: pair.certificatePem, privateKeyPem: pair.privateKeyPem };
}

/** As upstream's: events about a node carry its name as uid, since kubelets may speak before the Node exists. */
function nodeReference(name: string) {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
}

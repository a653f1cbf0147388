/** Many hollow nodes and pods, of which some nodes fail while the pods are still being made. For a test, and for a benchmark of more. */
import { deploymentKind } from '../../src/api/apps/v1/deployment.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import { serviceKind } from '../../src/api/core/v1/service.ts';
import { endpointSliceKind } from '../../src/api/discovery/v1/endpoint-slice.ts';
import type { V1Deployment, V1EndpointSlice, V1Node, V1Pod, V1Service } from '../../src/api/gen/types.ts';
import { createInformer } from '../../src/client/informer.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import type { StoreSpec } from '../../src/store/open-store.ts';
import { until } from './until.ts';

export interface FleetOptions {
  readonly nodes: number;
  readonly deployments: number;
  /** Of each. */
  readonly replicas: number;
  /** So many nodes fail when half of the pods are Ready. */
  readonly lost: number;
  readonly nodeMonitorGracePeriodMs: number;
  /** For each step. */
  readonly timeoutMs: number;
  /** Default memory, which keeps every version for minutes. */
  readonly store?: StoreSpec;
  /** Called when all pods are Ready and nothing more is to happen, before the lost nodes come back. */
  readonly onSteady?: () => Promise<void>;
}

/** Milliseconds since the step began. */
export interface FleetFigures {
  readonly nodesReadyMs: number;
  /** From the Deployments being made to all of their replicas Ready, those of the lost nodes replaced; and until half were. */
  readonly halfReadyMs: number;
  readonly allReadyMs: number;
  /** From the nodes' end to their being NotReady. */
  readonly noticedMs: number;
  /** From the nodes' return to all of them Ready, without what they had before. */
  readonly backMs: number;
  /** Pods that were made, and those that were on the lost nodes: no more than one for each replica and each of those. */
  readonly madePods: number;
  readonly lostPods: number;
  /** Ready endpoints of the first Deployment's Service (each has one), and those of them on lost nodes, when all is Ready. */
  readonly endpoints: number;
  readonly staleEndpoints: number;
}

export async function runFleet(options: FleetOptions): Promise<FleetFigures> {
  const { nodes, deployments, replicas, lost, nodeMonitorGracePeriodMs, timeoutMs } = options;
  const wait = { timeoutMs, intervalMs: 100 };
  let startedMs = performance.now();
  const sinceStart = () => Math.round(performance.now() - startedMs);
  await using cluster = await startCluster({ nodes, nodeMonitorGracePeriodMs, startTimeoutMs: timeoutMs, store: options.store });
  const nodesReadyMs = sinceStart();
  await using fleet = await watchFleet(cluster);
  const wanted = deployments * replicas;
  const gone = cluster.nodes.slice(-lost);
  const goneNames = new Set(gone.map(({ name }) => name));

  startedMs = performance.now();
  const client = cluster.client();
  for (let i = 0; i < deployments; i++) {
    await client.resource<V1Service>(serviceKind, 'default').create(service(`fleet-${i}`));
    await client.resource<V1Deployment>(deploymentKind, 'default').create(deployment(`fleet-${i}`, replicas));
  }
  await until('half of the pods are Ready', () => fleet.readyPods() >= wanted / 2, wait);
  const halfReadyMs = sinceStart();
  const lostAtMs = performance.now();
  await Promise.all(gone.map((node) => node.stop()));
  await until('the lost nodes are noticed', () => gone.every(({ name }) => !fleet.isReady(name)), wait);
  const noticedMs = Math.round(performance.now() - lostAtMs);
  const lostPods = new Set(fleet.podsOn(goneNames).map(({ metadata }) => metadata!.uid)).size;
  await until('all replicas are Ready elsewhere', () => fleet.readyPods(goneNames) === wanted, wait);
  const allReadyMs = sinceStart();
  const endpointsNow = async () => {
    const slices = await client.resource<V1EndpointSlice>(endpointSliceKind, 'default').list({
      labelSelector: 'kubernetes.io/service-name=fleet-0',
    });
    return slices.items.flatMap(({ endpoints = [] }) => endpoints.filter(({ conditions }) => conditions?.ready));
  };
  const endpoints = await until(
    'the Service leads to as many',
    async () => {
      const all = await endpointsNow();
      return all.length === replicas && all;
    },
    wait,
  );

  await options.onSteady?.();
  startedMs = performance.now();
  await Promise.all(gone.map((node) => node.start()));
  await until('they are back', () => gone.every(({ name }) => fleet.isReady(name)), wait);
  await until('what they had is gone', () => fleet.pods().length === wanted, wait);
  return {
    ...{ nodesReadyMs, halfReadyMs, allReadyMs, noticedMs, backMs: sinceStart(), madePods: fleet.made, lostPods },
    endpoints: endpoints.length,
    staleEndpoints: endpoints.filter(({ nodeName = '' }) => goneNames.has(nodeName)).length,
  };
}

/** What of the figures is wrong, whatever the size and the load: a pod that was made twice or not at all, an endpoint that leads nowhere. */
export function fleetComplaints({ deployments, replicas }: FleetOptions, figures: FleetFigures): string[] {
  const { lostPods, madePods, endpoints, staleEndpoints } = figures;
  const complaints: string[] = [];
  if (lostPods === 0) complaints.push('no pod was on the lost nodes');
  const wanted = deployments * replicas + lostPods;
  if (madePods !== wanted) complaints.push(`${madePods} pods were made, ${wanted} are right`);
  if (endpoints !== replicas) complaints.push(`${endpoints} endpoints, ${replicas} are right`);
  if (staleEndpoints > 0) complaints.push(`${staleEndpoints} endpoints are on lost nodes`);
  return complaints;
}

const isTrue = (conditions: readonly { type: string; status: string }[] = []) =>
  conditions.some(({ type, status }) => type === 'Ready' && status === 'True');

async function watchFleet(cluster: Cluster) {
  const shared = { client: cluster.client(), clock: systemClock, logger: silentLogger, random: Math.random };
  const pods = createInformer<V1Pod>({ ...shared, kind: podKind, namespace: 'default' });
  const nodes = createInformer<V1Node>({ ...shared, kind: nodeKind });
  let made = 0;
  /** Counted as they change: to look through ten thousand pods ten times a second would be a good part of the work. */
  const readyByNode = new Map<string, number>();
  const count = (pod: V1Pod | undefined, by: number) => {
    if (!pod || pod.metadata?.deletionTimestamp || !isTrue(pod.status?.conditions)) return;
    const node = pod.spec?.nodeName ?? '';
    readyByNode.set(node, (readyByNode.get(node) ?? 0) + by);
  };
  pods.onChange(({ type, object, previous }) => {
    if (type === 'added') made++;
    count(previous, -1);
    if (type !== 'deleted') count(object, 1);
  });
  const end = new AbortController();
  await Promise.all([pods.start(end.signal), nodes.start(end.signal)]);
  return {
    get made() {
      return made;
    },
    pods: () => pods.list(),
    podsOn: (names: ReadonlySet<string>) => pods.list().filter(({ spec }) => names.has(spec?.nodeName ?? '')),
    readyPods(without: ReadonlySet<string> = new Set()) {
      let ready = 0;
      for (const [node, here] of readyByNode) if (!without.has(node)) ready += here;
      return ready;
    },
    isReady: (name: string) => isTrue(nodes.get(name)?.status?.conditions),
    async [Symbol.asyncDispose]() {
      end.abort(new DOMException('the story ends', 'AbortError'));
      await Promise.all([pods.done, nodes.done]);
    },
  };
}

function deployment(name: string, replicas: number): V1Deployment {
  const tolerations = ['not-ready', 'unreachable'].map((state) => ({
    ...{ key: `node.kubernetes.io/${state}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
  }));
  const resources = { requests: { cpu: '10m', memory: '16Mi' } };
  const template = {
    metadata: { labels: { app: name } },
    spec: { tolerations, containers: [{ name: 'main', image: 'nginx', resources }] },
  };
  return { metadata: { name }, spec: { replicas, selector: { matchLabels: { app: name } }, template } };
}

const service = (name: string): V1Service => ({ metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80 }] } });

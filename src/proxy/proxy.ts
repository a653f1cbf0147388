import { networkInterfaces } from 'node:os';
import type { V1EndpointSlice, V1Node, V1Service } from '../api/gen/types.ts';
import type { Family } from '../api/machinery/ip.ts';
import type { ResourceKind } from '../api/machinery/kind.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { createInformer } from '../client/informer.ts';
import { type RunProgram, runProgram } from '../host/run-program.ts';
import type { Clock } from '../std/clock.ts';
import { parseGoDuration } from '../std/go-duration.ts';
import { type Component, ComponentGroup, deferred } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { ChangeSignal, runSyncs } from '../std/sync-runner.ts';
import type { KubeProxyConfiguration } from './configuration/kube-proxy-configuration.ts';
import { removeStaleFlows } from './conntrack/stale-flows.ts';
import { ProxyHealth } from './health/proxy-health.ts';
import { checkedServices, ServiceHealthServers } from './health/service-health.ts';
import { nodeSettings } from './node-settings.ts';
import { type ProxyPlan, planProxy, type ServiceProblem } from './plan/proxy-plan.ts';
import { OWN_SELECTOR } from './plan/service-port.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import type { RuleBackend } from './rule-backend.ts';

const SERVICE: ResourceKind = { group: '', version: 'v1', kind: 'Service', resource: 'services', namespaced: true };
const NODE: ResourceKind = { group: '', version: 'v1', kind: 'Node', resource: 'nodes', namespaced: false };
const SLICE: ResourceKind = {
  ...{ group: 'discovery.k8s.io', version: 'v1', kind: 'EndpointSlice', resource: 'endpointslices' },
  namespaced: true,
};

/** As upstream: what nobody has flushed is written anew so often all the same. */
const FULL_SYNC_MS = 3_600_000;
const RETRY_MS = 5_000;
/** As upstream: so long may a server of IPVS whose last connection has ended stay, when nothing else happens. */
const DRAINED_WITHIN_MS = 60_000;

export interface ProxyOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly configuration: KubeProxyConfiguration;
  /** One for each family that this machine has. */
  readonly backends: readonly { readonly family: Family; readonly backend: RuleBackend }[];
  readonly metrics: ProxyMetrics;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly run?: RunProgram;
}

export interface KubeProxy extends Component {
  readonly health: ProxyHealth;
}

/** Keeps a node's rules as the cluster's Services and endpoints want them. Ready when the rules were written for the first time. */
export function createProxy(options: ProxyOptions): KubeProxy {
  const { client, clock, logger, configuration, metrics, nodeName, random, run = runProgram } = options;
  const mode = options.backends[0]!.backend.name;
  const periods = configuration[mode];
  const syncPeriodMs = parseGoDuration(periods.syncPeriod);
  const health = new ProxyHealth(() => clock.now(), 2 * syncPeriodMs);
  const common = { client, clock, logger, random };
  const services = createInformer<V1Service>({ ...common, kind: SERVICE, labelSelector: OWN_SELECTOR });
  const slices = createInformer<V1EndpointSlice>({ ...common, kind: SLICE, labelSelector: OWN_SELECTOR });
  const nodes = createInformer<V1Node>({ ...common, kind: NODE, fieldSelector: `metadata.name=${nodeName}` });
  const changes = new ChangeSignal();
  const pending = { services: 0, endpoints: 0 };
  const lastFullMs = new Map<Family, number>();
  const done = deferred();
  const nodeReference = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  const checks = new ServiceHealthServers({
    nodeName,
    isHealthy: () => health.isHealthy,
    logger,
    onFailure: ({ namespace, name }, message) => {
      const service = services.get(name, namespace);
      if (service) options.events.event(service, 'Warning', 'FailedToStartServiceHealthcheck', message);
    },
  });
  let told: ReadonlySet<string> = new Set();

  /** Once, until it is another thing. */
  function tellProblems(problems: readonly ServiceProblem[]): void {
    const now = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
    for (const [key, { namespace, name, reason, message }] of now) {
      if (told.has(key)) continue;
      logger.warn('A Service is not served as it says', { service: `${namespace}/${name}`, reason, message });
      const service = services.get(name, namespace);
      if (service) options.events.event(service, 'Warning', reason, message);
    }
    told = new Set(now.keys());
  }

  const queue = () => {
    metrics.lastQueued.set(clock.now() / 1000);
    metrics.pendingServices.set(pending.services);
    metrics.pendingEndpoints.set(pending.endpoints);
    health.changeQueued();
    changes.set();
  };

  function watch(): void {
    services.onChange(() => {
      pending.services++;
      metrics.serviceChanges.increment();
      queue();
    });
    slices.onChange(() => {
      pending.endpoints++;
      metrics.endpointChanges.increment();
      queue();
    });
    let settings = '';
    nodes.onChange(() => {
      const [node] = nodes.list();
      health.nodeSeen(node);
      // Its status changes every few minutes; few of its fields matter here.
      const now = JSON.stringify(options.backends.map(({ family }) => settingsOf(family)));
      if (now !== settings) queue();
      settings = now;
    });
  }

  const settingsOf = (family: Family) =>
    nodeSettings(family, {
      ...{ configuration, mode, nodeName, node: nodes.list()[0] },
      hostAddresses: Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
    });

  async function syncAll(why: 'change' | 'period', signal: AbortSignal): Promise<void> {
    const seen = { ...pending };
    const plans = options.backends.map(({ family }) => planProxy(services.list(), slices.list(), settingsOf(family)));
    tellProblems(plans.flatMap(({ problems }) => problems));
    const results = await Promise.allSettled(options.backends.map((one, i) => syncFamily(one, plans[i]!, { why, signal })));
    const failed = results.filter((result) => result.status === 'rejected');
    if (signal.aborted) return;
    if (failed.length > 0) throw failed[0]!.reason;
    pending.services -= seen.services;
    pending.endpoints -= seen.endpoints;
    metrics.pendingServices.set(pending.services);
    metrics.pendingEndpoints.set(pending.endpoints);
    health.synced({ stillPending: changes.isSet });
    await checks.update(checkedServices(plans), checkAddresses(plans));
  }

  async function syncFamily(
    { family, backend }: ProxyOptions['backends'][number],
    plan: ProxyPlan,
    { why, signal }: { why: 'change' | 'period'; signal: AbortSignal },
  ): Promise<void> {
    const label = family === 4 ? 'IPv4' : 'IPv6';
    const startMs = clock.now();
    const isDue = startMs - (lastFullMs.get(family) ?? Number.NEGATIVE_INFINITY) >= FULL_SYNC_MS;
    try {
      const full = isDue || (why === 'period' && !(await backend.isIntact()));
      if (full && !isDue) logger.warn('Our rules have gone from the packet filter and are written anew', { family: label });
      const result = await backend.sync(plan, { full, signal });
      if (result.full) lastFullMs.set(family, startMs);
      const seconds = (clock.now() - startMs) / 1000;
      metrics.syncDuration.observe(seconds, label);
      (result.full ? metrics.fullSyncDuration : metrics.partialSyncDuration).observe(seconds, label);
      metrics.lastSync.set(clock.now() / 1000, label);
      for (const [table, { rules, written }] of Object.entries(result.tables)) {
        metrics.rules.set(rules, table, label);
        metrics.rulesWritten.set(written, table, label);
      }
      for (const policy of ['internal', 'external'] as const)
        metrics.noLocalEndpoints.set(plan.ports.filter((port) => port[policy] === 'drop').length, policy, label);
      logger.debug(2, 'SyncProxyRules complete', { family: label, full: result.full, seconds });
    } catch (error) {
      if (signal.aborted) return;
      metrics.failures.increment(label);
      logger.error('Failed to write the rules; they are written anew soon', { family: label, error });
      throw error;
    }
    try {
      await removeStaleFlows(plan, run, logger);
    } catch (error) {
      logger.warn('Stale UDP flows could not be removed', { family: label, error });
    }
  }

  return {
    name: 'kube-proxy',
    health,
    done: done.promise,
    async start(signal) {
      const group = new ComponentGroup();
      const stop = async () => {
        await checks.close();
        await group.stop();
      };
      try {
        for (const informer of [nodes, services, slices]) await group.start(informer);
        if (nodes.list().length === 0)
          logger.warn('The Node is not found; --hostname-override must be the name that the kubelet registers', {
            node: nodeName,
          });
        options.events.event(nodeReference, 'Normal', 'Starting', '');
        watch();
        const first = deferred();
        const running = runSyncs(changes, signal, {
          clock,
          minIntervalMs: parseGoDuration(periods.minSyncPeriod),
          maxIntervalMs: mode === 'ipvs' ? Math.min(syncPeriodMs, DRAINED_WITHIN_MS) : syncPeriodMs,
          retryMs: Math.min(RETRY_MS, syncPeriodMs),
          run: async (why) => {
            await syncAll(why, signal);
            first.resolve();
          },
        });
        void running.then(stop).then(done.resolve, done.reject);
        await Promise.race([first.promise, done.promise]);
      } catch (error) {
        await stop();
        done.resolve();
        throw error;
      }
    },
  };
}

/** Where health checks of Services listen: as node ports do. */
function checkAddresses(plans: readonly ProxyPlan[]): 'all' | readonly string[] {
  if (plans.every(({ settings }) => settings.nodePortAddresses === 'all')) return 'all';
  return plans.flatMap(({ settings: { family, nodePortAddresses } }) =>
    nodePortAddresses === 'all' ? (family === 4 ? '0.0.0.0' : '::') : nodePortAddresses,
  );
}

import type { V1Pod } from '../api/gen/types.ts';
import type { Component } from '../std/lifecycle.ts';
import { removeUnneededContainers } from './eviction/dead-containers.ts';
import { createEvictionManager } from './eviction/eviction-manager.ts';
import type { NodeHealth } from './node/node-conditions.ts';
import type { NodeAdmission, PodPartContext, PodsOfNode } from './pods/pod-parts.ts';
import { createShutdownManager } from './shutdown/shutdown-manager.ts';
import type { StatsCollector } from './stats/stats-collector.ts';

export interface NodeGuardOptions {
  readonly context: PodPartContext;
  readonly pods: PodsOfNode;
  readonly stats: StatsCollector;
  readonly images: { removeUnused(): Promise<unknown> };
  /** Who decides of a pod that a healthy node is asked to take. */
  readonly admission: NodeAdmission;
  /** Called when the node's conditions have changed. */
  readonly changed: () => void;
}

/** What keeps a node usable: it ends pods when the node runs out of something or goes down, and takes none meanwhile. */
export interface NodeGuard {
  readonly components: readonly Component[];
  readonly admission: NodeAdmission;
  health(): Pick<NodeHealth, 'memoryPressure' | 'diskPressure' | 'pidPressure' | 'shuttingDown'>;
}

export function createNodeGuard(options: NodeGuardOptions): NodeGuard {
  const { context, pods, stats, changed } = options;
  const { configuration, runtime, paths, nodeName, events, metrics, clock, logger } = context;
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  const common = { configuration, pods, node, events, ...(metrics && { metrics }), changed, clock, logger };
  const uids = () => new Set(pods.pods().map(({ metadata }) => metadata?.uid ?? ''));
  const eviction = createEvictionManager({
    ...common,
    collector: stats,
    reclaim: {
      containers: () => removeUnneededContainers(runtime, uids()),
      images: () => options.images.removeUnused(),
    },
  });
  const shutdown = createShutdownManager({ ...common, stateDirectory: paths.root });
  return {
    components: [eviction, shutdown],
    admission: {
      ...options.admission,
      admit: (pod: V1Pod, others) => eviction.admit(pod) ?? shutdown.admit(pod) ?? options.admission.admit(pod, others),
    },
    health() {
      const conditions = eviction.conditions();
      return {
        memoryPressure: conditions.includes('MemoryPressure'),
        diskPressure: conditions.includes('DiskPressure'),
        pidPressure: conditions.includes('PIDPressure'),
        shuttingDown: shutdown.shuttingDown(),
      };
    },
  };
}

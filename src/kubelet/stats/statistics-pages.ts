import { readFile } from 'node:fs/promises';
import { formatMetric } from '../metrics/metric-text.ts';
import type { Machine } from '../node/machine.ts';
import type { StatisticsPages } from '../server/kubelet-view.ts';
import { cadvisorMetricsPage } from './cadvisor-metrics.ts';
import { cgroupDocument } from './cgroup-document.ts';
import { type MachineFacts, machineDocument, machineFacts } from './machine-facts.ts';
import type { NodeSnapshot, VolumeSnapshot } from './node-snapshot.ts';
import { resourceMetricsPage } from './resource-metrics.ts';
import { shownCgroups } from './shown-cgroups.ts';
import type { StatsCollector } from './stats-collector.ts';
import { summaryOf } from './summary.ts';

export interface StatisticsPagesOptions {
  readonly collector: StatsCollector;
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly machine: Machine;
}

/** The numbers of a node as the pages of :10250 show them. Of each cgroup the newest measurement is kept, however many are asked for. */
export function createStatisticsPages(options: StatisticsPagesOptions): StatisticsPages {
  const { collector, nodeName, startedAtMs, machine } = options;
  let facts: Promise<MachineFacts> | undefined;
  // Read once: a machine's processors stay.
  const factsOf = () => (facts ??= readFile('/proc/cpuinfo', 'utf8').then((text) => machineFacts(machine, text)));

  return {
    async summary({ onlyCpuAndMemory }) {
      return summaryOf(await collector.snapshot(), { nodeName, startedAtMs, onlyCpuAndMemory });
    },
    cadvisorMetrics: async () => cadvisorMetricsPage(await collector.snapshot(), await factsOf()),
    resourceMetrics: async () => resourceMetricsPage(await collector.snapshot()),
    kubeletMetrics: async () => volumeMetrics(await collector.snapshot()),
    machine: async () => machineDocument(await factsOf(), machine, await collector.snapshot()),
    async cgroup(name, { below }) {
      const all = shownCgroups(await collector.snapshot());
      const asked = name === '' ? '/' : name;
      const found = all.find(({ id }) => id === asked);
      if (!found) return undefined;
      if (!below) return cgroupDocument(found, all);
      const prefix = asked === '/' ? '/' : `${asked}/`;
      const within = all.filter(({ id }) => id === asked || id.startsWith(prefix));
      return Object.fromEntries(within.map((shown) => [shown.id, cgroupDocument(shown, all)]));
    },
    async container(podUid, name) {
      const snapshot = await collector.snapshot();
      const container = snapshot.pods.find(({ uid }) => uid === podUid)?.containers.find((one) => one.name === name);
      const all = shownCgroups(snapshot);
      const found = container && all.find((shown) => shown.name === container.id);
      return found && cgroupDocument(found, all);
    },
  };
}

type OfVolume = (volume: VolumeSnapshot) => number;

const VOLUME_METRICS: readonly [name: string, help: string, of: OfVolume][] = [
  ['available_bytes', 'Number of available bytes in the volume', ({ space }) => space.availableBytes],
  ['capacity_bytes', 'Capacity in bytes of the volume', ({ space }) => space.capacityBytes],
  ['inodes', 'Maximum number of inodes in the volume', ({ space }) => space.inodes],
  ['inodes_free', 'Number of free inodes in the volume', ({ space }) => space.inodesFree],
  ['inodes_used', 'Number of used inodes in the volume', ({ space }) => space.inodesUsed],
  ['used_bytes', 'Number of used bytes in the volume', ({ space }) => space.usedBytes],
];

/** Of claims, each once though several pods use it. */
function volumeMetrics({ pods }: NodeSnapshot): ReadonlyMap<string, string> {
  const claims = new Map<string, VolumeSnapshot>();
  for (const { volumes } of pods)
    for (const volume of volumes) if (volume.claim) claims.set(`${volume.claim.namespace}/${volume.claim.name}`, volume);
  return new Map(
    VOLUME_METRICS.map(([short, help, of]) => {
      const name = `kubelet_volume_stats_${short}`;
      const samples = [...claims.values()].map((volume) => ({
        labels: { namespace: volume.claim!.namespace, persistentvolumeclaim: volume.claim!.name },
        value: of(volume),
      }));
      return [name, formatMetric(name, 'gauge', help, samples)];
    }),
  );
}

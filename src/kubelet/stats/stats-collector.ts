import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import { parseMountInfo } from '../../host/mount-info.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { Logger } from '../../std/logger.ts';
import type { NodeCgroups } from '../cgroups/pod-cgroups.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { type PodPaths, podLogDirectory } from '../pods/pod-paths.ts';
import type { PodSandbox, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import type { ContainerUsage, ImageService } from '../runtime/runtime-abilities.ts';
import { type CgroupPaths, cgroupOfProcess, type ReadText, readCgroup, readText, samePath } from './cgroup-reader.ts';
import { diskUsage, filesystemSpace } from './disk-usage.ts';
import { parseNetDev } from './network-sample.ts';
import type { ContainerSnapshot, MeasuredCgroup, NodeSnapshot, PodSnapshot, TimedSpace } from './node-snapshot.ts';
import { deviceOf, machineMemory, parseMemInfo, parsePartitions, tasksOf } from './proc-files.ts';
import { onAnotherDisk, runtimeSpace } from './runtime-space.ts';
import { CpuRates } from './snapshot-rates.ts';
import { VolumeSnapshots, type VolumeSnapshotsOptions } from './volume-snapshots.ts';

export interface StatsCollectorOptions {
  readonly configuration: KubeletConfiguration;
  readonly runtime: Runtime;
  readonly pods: () => readonly V1Pod[];
  readonly paths: PodPaths;
  readonly cgroups: Pick<NodeCgroups, 'mounts' | 'podsPath' | 'levelPaths' | 'pathOf'>;
  /** Volumes of claims and drivers, which their own directories do not tell. */
  readonly mountedVolumes?: VolumeSnapshotsOptions['mounted'];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Files below /proc and the cgroup trees. */
  readonly read?: ReadText;
}

export interface StatsCollector {
  /** What was measured at most `maxAgeMs` ago; measures when that is too old. Calls at the same time share one measurement. */
  snapshot(maxAgeMs?: number): Promise<NodeSnapshot>;
  /** The node without its pods, measured now: cheap, and no reason to measure further in the background. */
  node(): Promise<NodeSnapshot>;
  /** Ends measuring in the background. */
  stop(): void;
}

/** As cadvisor's housekeeping. */
const ROUND_MS = 10_000;
/** After nobody asked for so long, nothing is measured any more: an idle node costs nothing. */
const DEMAND_MS = 120_000;
/** Sandboxes and containers whose processes are looked up at the same time. */
const AT_ONCE = 8;
const NOTHING: Awaited<ReturnType<Runtime['list']>> = { sandboxes: [], containers: [] };

/** Measures a node and its pods: on demand, and for as long as somebody asks in rounds, so that rates are known. */
export function createStatsCollector(options: StatsCollectorOptions): StatsCollector {
  const { runtime, clock, logger, configuration, cgroups, read = readText } = options;
  const rates = new CpuRates();
  const periodMs = parseGoDuration((configuration['volumeStatsAggPeriod'] as string | undefined) ?? '1m');
  const volumes = new VolumeSnapshots({
    paths: options.paths,
    clock,
    periodMs: periodMs === 0 ? ROUND_MS : periodMs,
    ...(options.mountedVolumes && { mounted: options.mountedVolumes }),
  });
  const places = new Map<string, CgroupPaths>();
  const sandboxPids = new Map<string, number>();
  let latest: NodeSnapshot | undefined;
  let latestAtMs = 0;
  let running: Promise<NodeSnapshot> | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let timer: { cancel(): void } | undefined;
  let stopped = false;

  async function measure(path: string, paths: CgroupPaths, startedAtMs?: number): Promise<MeasuredCgroup | undefined> {
    const { mounts } = cgroups;
    const sample = mounts && (await readCgroup(mounts, paths, clock, read));
    if (!sample) return undefined;
    const rate = rates.observe(path, sample);
    return {
      path,
      sample,
      ...(rate !== undefined && { cpuNanoCores: rate }),
      ...(startedAtMs !== undefined && { startedAtMs }),
    };
  }

  /** What of one pod cannot be measured (it went meanwhile, its disk is broken) must not keep the others from being. */
  async function unlessLost<T>(what: string, measured: Promise<T> | undefined): Promise<T | undefined> {
    try {
      return await measured;
    } catch (error) {
      logger.warn('Part of a pod could not be measured', { what, err: error });
      return undefined;
    }
  }

  async function measureContainer(
    container: RuntimeContainer,
    usage: ContainerUsage | undefined,
    logs: string,
  ): Promise<ContainerSnapshot> {
    const { id, name, image, attempt, startedAtMs = container.createdAtMs } = container;
    let paths = places.get(id);
    if (!paths && cgroups.mounts) {
      const pid = await unlessLost(`processes of container ${name}`, runtime.stats?.pidOf(id));
      paths = pid === undefined ? undefined : await cgroupOfProcess(pid, cgroups.mounts.version, read);
      if (paths) places.set(id, paths);
    }
    const path = paths && (paths('memory') ?? paths('cpu'));
    const [cgroup, logUsage] = await Promise.all([
      paths && path !== undefined ? measure(path, paths, startedAtMs) : undefined,
      unlessLost(`logs of container ${name}`, diskUsage(join(logs, name))),
    ]);
    const layer = usage?.writableLayer;
    return {
      id,
      name,
      image,
      attempt,
      startedAtMs,
      ...(cgroup && { cgroup }),
      ...(layer && {
        writableLayer: { usedBytes: layer.usedBytes, inodesUsed: layer.inodesUsed ?? 0, timeMs: layer.timestampMs },
      }),
      ...(logUsage && { logs: { ...logUsage, timeMs: clock.now() } }),
    };
  }

  async function measurePod(
    pod: V1Pod,
    sandbox: PodSandbox | undefined,
    containers: readonly RuntimeContainer[],
    usages: ReadonlyMap<string, ContainerUsage>,
  ): Promise<PodSnapshot> {
    const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
    const logs = podLogDirectory(options.paths, { uid, namespace, name });
    const path = cgroups.mounts ? cgroups.pathOf(pod) : undefined;
    const [cgroup, network, podVolumes, ...measured] = await Promise.all([
      path === undefined ? undefined : measure(path, samePath(path), sandbox?.createdAtMs),
      sandbox && !pod.spec?.hostNetwork ? measureNetwork(sandbox.id) : undefined,
      unlessLost(`volumes of pod ${namespace}/${name}`, volumes.of(pod)),
      ...containers.map((container) => measureContainer(container, usages.get(container.id), logs)),
    ]);
    return {
      pod,
      uid,
      ...(cgroup && { cgroup }),
      ...(network && { network }),
      ...(sandbox && { sandboxId: sandbox.id }),
      containers: measured,
      volumes: podVolumes ?? [],
    };
  }

  async function measureNetwork(sandboxId: string): Promise<PodSnapshot['network']> {
    const pid = sandboxPids.get(sandboxId) ?? (await unlessLost('the network of a pod', runtime.stats?.sandboxPidOf(sandboxId)));
    if (pid === undefined) return undefined;
    sandboxPids.set(sandboxId, pid);
    const text = await read(`/proc/${pid}/net/dev`);
    return text === undefined ? undefined : { timeMs: clock.now(), interfaces: parseNetDev(text) };
  }

  /** A runtime that does not answer must not keep the node from being watched. */
  async function runtimeFilesystems(): Promise<Awaited<ReturnType<ImageService['filesystems']>> | undefined> {
    try {
      return await runtime.images?.filesystems();
    } catch (error) {
      logger.warn('The runtime tells nothing of its file systems: they are not measured', { err: error });
      return undefined;
    }
  }

  async function collect(withPods: boolean): Promise<NodeSnapshot> {
    const timeMs = clock.now();
    const [{ sandboxes, containers }, usages, filesystems, memInfo, load, pidMax, netDev, partitions, mountInfo] =
      await Promise.all([
        withPods ? runtime.list() : NOTHING,
        (withPods && runtime.stats?.containers()) || [],
        runtimeFilesystems(),
        read('/proc/meminfo'),
        read('/proc/loadavg'),
        read('/proc/sys/kernel/pid_max'),
        read('/proc/net/dev'),
        read('/proc/partitions'),
        read('/proc/self/mountinfo'),
      ]);
    const active = containers.filter(({ phase }) => phase === 'running');
    const byPod = Map.groupBy(active, ({ podUid }) => podUid);
    const sandboxOf = new Map(sandboxes.filter(({ ready }) => ready).map((sandbox) => [sandbox.podUid, sandbox]));
    const usageById = new Map(usages.map((usage) => [usage.containerId, usage]));
    const hosted = withPods ? options.pods() : [];
    const known = hosted.filter(({ metadata }) => byPod.has(metadata?.uid ?? '') || sandboxOf.has(metadata?.uid ?? ''));
    const pods: PodSnapshot[] = [];
    for (let i = 0; i < known.length; i += AT_ONCE)
      pods.push(
        ...(await Promise.all(
          known.slice(i, i + AT_ONCE).map((pod) => {
            const uid = pod.metadata?.uid ?? '';
            return measurePod(pod, sandboxOf.get(uid), byPod.get(uid) ?? [], usageById);
          }),
        )),
      );
    if (withPods) forget(active, sandboxes, pods);
    const memory = parseMemInfo(memInfo ?? '');
    const { root } = options.paths;
    const [node, system, levels, nodeFs, imageFs, containerFs, dedicatedImageFs, splitContainerFs] = await Promise.all([
      measureNode(memory),
      measureSystem(),
      measureLevels(),
      filesystemSpace(root),
      runtimeSpace(filesystems?.images, clock),
      runtimeSpace(filesystems?.containers, clock),
      onAnotherDisk(filesystems?.images[0]?.mountpoint, root),
      onAnotherDisk(filesystems?.containers[0]?.mountpoint, filesystems?.images[0]?.mountpoint),
    ]);
    const mounted = parseMountInfo(mountInfo ?? '');
    const named = (space: TimedSpace | undefined, path: string | undefined) =>
      space && { ...space, device: (path !== undefined && deviceOf(mounted, path)) || '' };
    return {
      timeMs,
      ...(node && { node }),
      system,
      levels,
      pods,
      interfaces: parseNetDev(netDev ?? ''),
      memoryCapacityBytes: memory.get('MemTotal') ?? 0,
      swap: { totalBytes: memory.get('SwapTotal') ?? 0, freeBytes: memory.get('SwapFree') ?? 0 },
      devices: parsePartitions(partitions ?? ''),
      nodeFs: named(nodeFs && { ...nodeFs, timeMs }, root),
      imageFs: named(imageFs, filesystems?.images[0]?.mountpoint),
      containerFs: named(containerFs, filesystems?.containers[0]?.mountpoint),
      dedicatedImageFs,
      splitContainerFs,
      processes: { running: tasksOf(load ?? ''), most: Number(pidMax ?? 0) },
    };
  }

  async function measureNode(memory: ReadonlyMap<string, number>): Promise<MeasuredCgroup | undefined> {
    const node = await measure('/', samePath('/'));
    // On v2 the root has no `memory.current`.
    if (!node || node.sample.memory || cgroups.mounts?.version !== 2) return node;
    return { ...node, sample: { ...node.sample, memory: machineMemory(memory) } };
  }

  async function measureSystem(): Promise<ReadonlyMap<string, MeasuredCgroup>> {
    const { mounts } = cgroups;
    if (!mounts) return new Map();
    const own = await cgroupOfProcess(process.pid, mounts.version, read);
    const ownPath = own && (own('memory') ?? own('cpu'));
    const named: [string, string | undefined, CgroupPaths | undefined][] = [
      ['pods', cgroups.podsPath(), undefined],
      ['kubelet', (configuration['kubeletCgroups'] as string | undefined) || (ownPath === '/' ? undefined : ownPath), own],
      ['misc', configuration['systemCgroups'] as string | undefined, undefined],
    ];
    const found = new Map<string, MeasuredCgroup>();
    for (const [name, path, paths] of named) {
      if (!path) continue;
      const cgroup = await measure(path, paths && path === ownPath ? paths : samePath(path));
      if (cgroup) found.set(name, cgroup);
    }
    return found;
  }

  async function measureLevels(): Promise<MeasuredCgroup[]> {
    if (!cgroups.mounts) return [];
    const levels = await Promise.all(cgroups.levelPaths().map((path) => measure(path, samePath(path))));
    return levels.filter((level) => level !== undefined);
  }

  function forget(containers: readonly RuntimeContainer[], sandboxes: readonly PodSandbox[], pods: readonly PodSnapshot[]): void {
    const ids = new Set(containers.map(({ id }) => id));
    for (const id of places.keys()) if (!ids.has(id)) places.delete(id);
    const sandboxIds = new Set(sandboxes.filter(({ ready }) => ready).map(({ id }) => id));
    for (const id of sandboxPids.keys()) if (!sandboxIds.has(id)) sandboxPids.delete(id);
    volumes.keep(new Set(pods.map(({ uid }) => uid)));
    const kept = pods.flatMap(({ cgroup, containers: own }) => [cgroup?.path, ...own.map((container) => container.cgroup?.path)]);
    const system = [...(latest?.system.values() ?? []), ...(latest?.levels ?? [])].map(({ path }) => path);
    rates.keep(new Set(['/', ...system, ...kept.filter((path) => path !== undefined)]));
  }

  function round(): void {
    timer = undefined;
    if (stopped || steadyMs(clock) - askedAtMs >= DEMAND_MS) return;
    fresh().catch((error: unknown) => logger.warn('Measuring the node failed', { err: error }));
  }

  function fresh(): Promise<NodeSnapshot> {
    const beganMs = steadyMs(clock);
    running ??= collect(true)
      .then((snapshot) => {
        latest = snapshot;
        latestAtMs = beganMs;
        return snapshot;
      })
      .finally(() => {
        running = undefined;
        if (!stopped) timer ??= clock.setTimer(ROUND_MS, round);
      });
    return running;
  }

  return {
    async snapshot(maxAgeMs = ROUND_MS) {
      askedAtMs = steadyMs(clock);
      if (latest && steadyMs(clock) - latestAtMs < maxAgeMs) return latest;
      return fresh();
    },
    node: () => collect(false),
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

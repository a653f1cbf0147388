/** Who must go first (pkg/kubelet/eviction/helpers.go). Pure. */

import { podRequests } from '../../api/core/v1/pod-resource-usage.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { byteAmount } from '../cgroups/amounts.ts';
import type { PodSnapshot } from '../stats/node-snapshot.ts';
import { resourceOf, type Signal } from './signals.ts';

/** Which of a pod's files lie on a disk. */
export interface DiskParts {
  readonly layers: boolean;
  readonly logs: boolean;
  readonly volumes: boolean;
}

export interface Disks {
  /** Images (and with them layers, unless split) lie on another disk than the kubelet's directory. */
  readonly dedicatedImageFs: boolean;
  readonly splitContainerFs: boolean;
}

/** What of a pod's files counts for a signal's disk. */
export function diskPartsOf(signal: Signal, { dedicatedImageFs, splitContainerFs }: Disks): DiskParts {
  if (!dedicatedImageFs) return { layers: true, logs: true, volumes: true };
  const isImages = signal.startsWith('imagefs.') || (signal.startsWith('containerfs.') && !splitContainerFs);
  if (isImages) return { layers: !splitContainerFs, logs: false, volumes: false };
  return { layers: splitContainerFs, logs: true, volumes: true };
}

export interface PodUse {
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

export function diskUseOf(snapshot: PodSnapshot, parts: DiskParts): PodUse {
  const files = [
    ...snapshot.containers.flatMap(({ writableLayer, logs }) => [
      parts.layers ? writableLayer : undefined,
      parts.logs ? logs : undefined,
    ]),
    ...(parts.volumes ? snapshot.volumes.filter(({ ephemeral }) => ephemeral).map(({ space }) => space) : []),
  ];
  return {
    usedBytes: files.reduce((sum, file) => sum + (file?.usedBytes ?? 0), 0),
    inodesUsed: files.reduce((sum, file) => sum + (file?.inodesUsed ?? 0), 0),
  };
}

/**
 * The pods in the order in which they go: first those that use more than they asked for, then by priority, then by how much more they
 * use. A pod that was not measured goes before all others, as upstream.
 */
export function rankPods(
  pods: readonly V1Pod[],
  measured: ReadonlyMap<string, PodSnapshot>,
  signal: Signal,
  disks: Disks,
): V1Pod[] {
  const parts = diskPartsOf(signal, disks);
  const ranked = pods.map((pod) => {
    const snapshot = measured.get(pod.metadata?.uid ?? '');
    const { used, requested } = snapshot ? useOf(pod, snapshot, signal, parts) : { used: 0, requested: 0 };
    return {
      pod,
      unmeasured: snapshot === undefined,
      exceeds: used > requested,
      more: used - requested,
      priority: pod.spec?.priority ?? 0,
    };
  });
  const byPid = signal === 'pid.available';
  ranked.sort(
    (a, b) =>
      Number(b.unmeasured) - Number(a.unmeasured) ||
      (byPid ? 0 : Number(b.exceeds) - Number(a.exceeds)) ||
      a.priority - b.priority ||
      b.more - a.more,
  );
  return ranked.map(({ pod }) => pod);
}

function useOf(pod: V1Pod, snapshot: PodSnapshot, signal: Signal, parts: DiskParts): { used: number; requested: number } {
  const requests = podRequests(pod);
  switch (resourceOf(signal)) {
    case 'memory':
      return { used: snapshot.cgroup?.sample.memory?.workingSetBytes ?? 0, requested: byteAmount(requests.get('memory')) };
    case 'pids':
      return { used: snapshot.cgroup?.sample.processes ?? 0, requested: 0 };
    case 'inodes':
      return { used: diskUseOf(snapshot, parts).inodesUsed, requested: 0 };
    default:
      return { used: diskUseOf(snapshot, parts).usedBytes, requested: byteAmount(requests.get('ephemeral-storage')) };
  }
}

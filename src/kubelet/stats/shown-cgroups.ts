import type { CgroupSample } from './cgroup-sample.ts';
import type { InterfaceSample } from './network-sample.ts';
import type { MeasuredCgroup, NodeSnapshot, TimedSpace } from './node-snapshot.ts';

/** One cgroup as cadvisor shows it: its path, and whose it is where it is a pod's or container's. */
export interface ShownCgroup {
  readonly id: string;
  /** The container's id. */
  readonly name: string;
  readonly image: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly startedAtMs?: number;
  readonly sample?: CgroupSample;
  /** Counters of the network that it is in, told of one cgroup each. */
  readonly interfaces: readonly InterfaceSample[];
  readonly networkTimeMs?: number;
  readonly filesystem?: { readonly device: string; readonly usedBytes: number; readonly space: TimedSpace };
}

/** All cgroups of a node that are measured: the root, the levels of pods, pods, their sandboxes (for the network alone) and containers. */
export function shownCgroups(snapshot: NodeSnapshot): ShownCgroup[] {
  const nobody = { name: '', image: '', namespace: '', pod: '', container: '', interfaces: [] };
  const plain = (cgroup: MeasuredCgroup): ShownCgroup => ({
    ...nobody,
    id: cgroup.path,
    sample: cgroup.sample,
    ...(cgroup.startedAtMs !== undefined && { startedAtMs: cgroup.startedAtMs }),
  });
  const { node, nodeFs } = snapshot;
  const layers = snapshot.containerFs ?? snapshot.imageFs;
  const shown: ShownCgroup[] = [];
  if (node)
    shown.push({
      ...plain(node),
      interfaces: snapshot.interfaces,
      networkTimeMs: snapshot.timeMs,
      ...(nodeFs && { filesystem: { device: nodeFs.device ?? '', usedBytes: nodeFs.usedBytes, space: nodeFs } }),
    });
  const seen = new Set(['/']);
  for (const cgroup of [...snapshot.system.values(), ...snapshot.levels])
    if (!seen.has(cgroup.path)) {
      seen.add(cgroup.path);
      shown.push(plain(cgroup));
    }
  for (const { pod, cgroup, network, sandboxId, containers } of snapshot.pods) {
    const owner = { namespace: pod.metadata?.namespace ?? '', pod: pod.metadata?.name ?? '' };
    if (cgroup) shown.push({ ...plain(cgroup), ...owner });
    if (network && sandboxId)
      shown.push({
        ...nobody,
        ...owner,
        id: `${cgroup?.path ?? ''}/${sandboxId}`,
        name: sandboxId,
        interfaces: network.interfaces,
        networkTimeMs: network.timeMs,
      });
    for (const { id, name, image, startedAtMs, cgroup: own, writableLayer } of containers)
      if (own)
        shown.push({
          ...plain(own),
          ...owner,
          name: id,
          image,
          container: name,
          startedAtMs,
          ...(writableLayer &&
            layers && { filesystem: { device: layers.device ?? '', usedBytes: writableLayer.usedBytes, space: layers } }),
        });
  }
  return shown;
}

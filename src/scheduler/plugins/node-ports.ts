import { clashesWith } from '../../api/core/v1/host-ports.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const REFUSAL = { reasons: ["node(s) didn't have free ports for the requested pod ports"], unresolvable: false };

/** A host port is given once for each protocol and address. */
export const nodePorts: Plugin = {
  name: 'NodePorts',
  planFilter({ pod }) {
    if (pod.hostPorts.length === 0) return undefined;
    const clashes = clashesWith(pod.hostPorts);
    return {
      filter({ podsWithPorts, pods }) {
        if (podsWithPorts === 0) return undefined;
        for (const other of pods.values()) if (other.hostPorts.some(clashes)) return REFUSAL;
        return undefined;
      },
    };
  },
  mayHelp(event, pod) {
    if (event.resource === 'Node') return event.action === 'add';
    return event.resource === 'Pod' && event.action === 'delete' && clash(pod, event.pod);
  },
};

const clash = (a: PodInfo, b: PodInfo) => b.hostPorts.some(clashesWith(a.hostPorts));

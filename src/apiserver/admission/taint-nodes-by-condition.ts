import type { V1Node } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout } from './refusal.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';

/** A new node takes no pods before it has said that it is ready (plugin/pkg/admission/nodetaint). */
export function createTaintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    handles: (attributes) => attributes.operation === 'CREATE' && isAbout(attributes, 'nodes'),
    async admit({ object }) {
      const node = object as unknown as V1Node;
      const taints = node.spec?.taints ?? [];
      if (taints.some(({ key, effect }) => key === NOT_READY && effect === 'NoSchedule')) return;
      node.spec = { ...node.spec, taints: [...taints, { key: NOT_READY, effect: 'NoSchedule' }] };
    },
  };
}

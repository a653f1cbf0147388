import type { V1Pod } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const HOSTNAME = 'kubernetes.io/hostname';

/** Pods may keep others off their node, and not off whole zones (plugin/pkg/admission/antiaffinity). */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  handles: (attributes) =>
    (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && isAbout(attributes, 'pods'),
  async validate(attributes) {
    const { spec } = attributes.object as unknown as V1Pod;
    for (const term of spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (term.topologyKey === HOSTNAME) continue;
      throw refuse(
        attributes,
        `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${term.topologyKey} but only key ${HOSTNAME} is allowed`,
      );
    }
  },
};

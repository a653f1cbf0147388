import { isDeepStrictEqual } from 'node:util';
import { isExtendedResource } from '../../api/core/v1/resource-names.ts';
import type { V1Pod, V1Toleration } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout } from './refusal.ts';

/** Pods that ask for an extended resource tolerate nodes that are kept for it (plugin/pkg/admission/extendedresourcetoleration). */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  handles: (attributes) =>
    (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && isAbout(attributes, 'pods'),
  async admit({ object }) {
    const { spec } = object as unknown as V1Pod;
    if (!spec) return;
    const names = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      Object.keys(resources?.requests ?? {}).filter(isExtendedResource),
    );
    const wanted = [...new Set(names)].sort().map((key): V1Toleration => ({ key, operator: 'Exists', effect: 'NoSchedule' }));
    const has = new Set(
      spec.tolerations
        ?.filter((own) => isDeepStrictEqual(own, { key: own.key, operator: 'Exists', effect: 'NoSchedule' }))
        .map(({ key }) => key),
    );
    const missing = wanted.filter(({ key }) => !has.has(key));
    // Wider ones of the pod's own are no reason to leave it out.
    if (missing.length) spec.tolerations = [...(spec.tolerations ?? []), ...missing];
  },
};

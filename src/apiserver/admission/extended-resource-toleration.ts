import type { V1Pod } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout } from './refusal.ts';
import { mergeTolerations } from './tolerations.ts';

/** Pods that ask for an extended resource tolerate nodes that are kept for it (plugin/pkg/admission/extendedresourcetoleration). */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  handles: (attributes) =>
    (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && isAbout(attributes, 'pods'),
  async admit({ object }) {
    const { spec } = object as unknown as V1Pod;
    if (!spec) return;
    const names = [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      Object.keys(resources?.requests ?? {}).filter((name) => name.includes('/') && !name.includes('kubernetes.io/')),
    );
    const added = [...new Set(names)].sort().map((key) => ({ key, operator: 'Exists' }));
    if (added.length) spec.tolerations = mergeTolerations(spec.tolerations ?? [], added);
  },
};

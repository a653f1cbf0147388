import type { V1Pod, V1Toleration } from '../../api/gen/types.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout } from './refusal.ts';

export interface DefaultTolerationOptions {
  readonly notReadySeconds: number;
  readonly unreachableSeconds: number;
}

/** Lets every pod stay for some time on a node that is not ready or not reachable (plugin/pkg/admission/defaulttolerationseconds). */
export function createDefaultTolerationSeconds(options: DefaultTolerationOptions): AdmissionPlugin {
  const defaults = [
    ['node.kubernetes.io/not-ready', options.notReadySeconds],
    ['node.kubernetes.io/unreachable', options.unreachableSeconds],
  ] as const;
  return {
    name: 'DefaultTolerationSeconds',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') && isAbout(attributes, 'pods'),
    async admit({ object }) {
      const { spec } = object as unknown as V1Pod;
      if (!spec) return;
      const tolerations = spec.tolerations ?? [];
      const missing = defaults.filter(([key]) => !tolerations.some((toleration) => tolerates(toleration, key)));
      if (!missing.length) return;
      spec.tolerations = [
        ...tolerations,
        ...missing.map(([key, tolerationSeconds]) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds })),
      ];
    },
  };
}

const tolerates = ({ key, effect }: V1Toleration, taint: string) =>
  (!key || key === taint) && (!effect || effect === 'NoExecute');

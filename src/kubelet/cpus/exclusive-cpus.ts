import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { milliAmount } from '../cgroups/amounts.ts';
import { isSidecar } from '../pods/container-kinds.ts';

/**
 * How many CPUs a container has for itself: those of guaranteed pods that ask for whole ones. 0 for all others, and for pods that ask as a
 * whole instead of container by container.
 */
export function exclusiveCpusOf({ spec }: V1Pod, { resources }: V1Container): number {
  if (!spec || spec.resources || qualityOfService(spec) !== 'Guaranteed') return 0;
  const milliCpu = milliAmount(resources?.requests?.['cpu'] ?? resources?.limits?.['cpu']);
  return milliCpu % 1000 === 0 ? milliCpu / 1000 : 0;
}

/** How many a pod needs at a time: what init containers had goes on to those after them, but for sidecars. */
export function exclusiveCpusOfPod(pod: V1Pod): number {
  let sidecars = 0;
  let init = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    const count = exclusiveCpusOf(pod, container);
    if (isSidecar(container)) sidecars += count;
    else init = Math.max(init, sidecars + count);
  }
  const main = (pod.spec?.containers ?? []).reduce((sum, container) => sum + exclusiveCpusOf(pod, container), 0);
  return Math.max(init, sidecars + main);
}

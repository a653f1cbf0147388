import type { V1Pod } from '../../api/gen/types.ts';
import type { EventSubject } from '../../client/events.ts';

const LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;

/** What an event about a container is about, as upstream says it: the pod, with `spec.containers{web}` as its part. */
export function containerSubject(pod: V1Pod, containerName: string): EventSubject {
  const list = LISTS.find((name) => pod.spec?.[name]?.some((container) => container.name === containerName));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...(pod.metadata && { metadata: pod.metadata }),
    ...(list && { fieldPath: `spec.${list}{${containerName}}` }),
  };
}

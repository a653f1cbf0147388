import type { V1Container, V1Pod } from '../../../api/gen/types.ts';

const SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/';

/** Whether a pod's update changes anything that the checks look at and that may change at all. */
export function isSignificantUpdate(pod: V1Pod, before: V1Pod): boolean {
  const [now, was] = [pod.spec, before.spec];
  if (now?.containers.length !== was?.containers.length) return true;
  if ((now?.initContainers ?? []).length !== (was?.initContainers ?? []).length) return true;
  const differs = (container: V1Container, old: V1Container | undefined) => {
    if (!old) return true;
    const annotation = SECCOMP + container.name;
    return (
      container.image !== old.image || pod.metadata?.annotations?.[annotation] !== before.metadata?.annotations?.[annotation]
    );
  };
  const debuggers = new Map(was?.ephemeralContainers?.map((container) => [container.name, container as V1Container]));
  return (
    (now?.containers ?? []).some((container, i) => differs(container, was?.containers[i])) ||
    (now?.initContainers ?? []).some((container, i) => differs(container, was?.initContainers?.[i])) ||
    ((now?.ephemeralContainers ?? []) as V1Container[]).some((container) => differs(container, debuggers.get(container.name)))
  );
}

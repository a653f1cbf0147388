import type { V1Pod } from '../../api/gen/types.ts';

/**
 * Whose log is meant by a container's name: the one that runs, else the one that ended last, by the pod's status
 * (pkg/kubelet/kubelet_pods.go, validateContainerLogStatus). Answers the id without the runtime's scheme.
 *
 * @throws Error in the words that users of `kubectl logs` know, for a container that has no log yet
 */
export function containerOfLog(pod: V1Pod, name: string, options: { readonly previous: boolean }): string {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const found = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find((one) => one.name === name);
  const called = `container "${name}" in pod "${pod.metadata?.name}"`;
  if (!found) throw new Error(`${called} is not available`);
  const { waiting, running, terminated } = found.state ?? {};
  const before = found.lastState?.terminated;
  if (options.previous) {
    if (!before?.containerID) throw new Error(`previous terminated ${called} not found`);
    return withoutScheme(before.containerID);
  }
  if (running) return withoutScheme(found.containerID ?? '');
  if (terminated || before) {
    // Where the next life could not begin, the log of the one before tells why.
    const id = terminated?.containerID || before?.containerID;
    if (!id) throw new Error(`${called} is terminated`);
    return withoutScheme(id);
  }
  if (!waiting) throw new Error(`${called} is waiting to start - no logs yet`);
  if (waiting.reason === 'ErrImagePull') throw new Error(`${called} is waiting to start: image can't be pulled`);
  if (waiting.reason === 'ImagePullBackOff') throw new Error(`${called} is waiting to start: trying and failing to pull image`);
  throw new Error(`${called} is waiting to start: ${waiting.reason ?? ''}`);
}

function withoutScheme(id: string): string {
  const at = id.indexOf('://');
  return at === -1 ? id : id.slice(at + 3);
}

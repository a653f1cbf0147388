/** Makes what containers may use what the pod was given, in place where that can be done. */
import type { V1Container, V1Pod, V1ResourceRequirements } from '../../api/gen/types.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { type Pass, PodSyncError } from './pod-pass.ts';
import { allocatedPod, largerAllocation, needsRestart, sameResources, WHOLE_POD } from './pod-resize.ts';
import type { PodMemory } from './pod-work.ts';
import { resizeMessage } from './resize-message.ts';

/** Why a running container must start anew, in the words of its event. */
export function changeOf({ work, memory }: Pass, spec: V1Container, container: RuntimeContainer): string | undefined {
  if (work.starter.changed(spec, container)) return `Container ${spec.name} definition changed`;
  const before = memory.actuated.get(container.id);
  return before && needsRestart(spec, before, spec.resources ?? {})
    ? `Container ${spec.name} resize requires restart`
    : undefined;
}

/** Running containers whose limits are not what the pod was given. */
export function staleContainers({ work, wanted, memory }: Pass, containers: readonly RuntimeContainer[]) {
  if (!work.starter.detailed) return [];
  const { containers: main = [], initContainers = [] } = wanted.pod.spec ?? {};
  const interrupted = wanted.pod.status?.conditions?.some(
    ({ type, status }) => type === 'PodResizeInProgress' && status === 'True',
  );
  const known = new Set([WHOLE_POD, ...containers.map(({ id }) => id)]);
  for (const id of memory.actuated.keys()) if (!known.has(id)) memory.actuated.delete(id);
  const ofPod = wanted.pod.spec?.resources ?? {};
  if (!memory.actuated.has(WHOLE_POD) && !interrupted) memory.actuated.set(WHOLE_POD, ofPod);
  const podInForce = memory.actuated.get(WHOLE_POD);
  const podChanges = !podInForce || !sameResources(podInForce, ofPod);
  return containers.flatMap(({ id, name, phase }) => {
    const spec = phase === 'running' ? [...main, ...initContainers].find((container) => container.name === name) : undefined;
    if (!spec) return [];
    const resources = spec.resources ?? {};
    // Of containers that an earlier kubelet started it is known what they have, unless it was killed while it changed that.
    if (!memory.actuated.has(id) && !interrupted) memory.actuated.set(id, resources);
    const inForce = memory.actuated.get(id);
    const same = inForce && sameResources(inForce, resources);
    return same && !(podChanges && takesPodLimits(spec)) ? [] : [{ id, spec }];
  });
}

/** A container without a limit of its own has the pod's. */
const takesPodLimits = ({ resources }: V1Container) => !resources?.limits?.['cpu'] || !resources.limits['memory'];

/** While limits change, the pod's own must hold those of before and those of after. */
export function withRoomForBoth(pod: V1Pod, { actuated, allocation = new Map() }: PodMemory): V1Pod {
  const inForce = new Map<string, V1ResourceRequirements>();
  for (const status of [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]) {
    const resources = actuated.get(status.containerID?.replace(/^[^:]*:\/\//, '') ?? '') ?? status.resources;
    if (resources) inForce.set(status.name, resources);
  }
  const ofPod = actuated.get(WHOLE_POD) ?? pod.status?.resources;
  if (ofPod) inForce.set(WHOLE_POD, ofPod);
  return allocatedPod(pod, largerAllocation(inForce, allocation));
}

/** Changes limits in place; then the pod's own are looked at again. */
export async function resizeContainers(
  pass: Pass,
  stale: readonly { readonly id: string; readonly spec: V1Container }[],
): Promise<void> {
  const { work, wanted, memory } = pass;
  const pending = memory.resizeConditions.filter(({ type }) => type === 'PodResizePending');
  const failedBefore = memory.resizeConditions.find(({ reason }) => reason === 'Error');
  memory.resizeConditions = [...pending, { type: 'PodResizeInProgress', status: 'True' }];
  try {
    for (const { id, spec } of stale) {
      await work.starter.resize(wanted.pod, spec, id);
      memory.actuated.set(id, spec.resources ?? {});
    }
  } catch (error) {
    const { message } = error as Error;
    memory.resizeConditions = [...pending, { type: 'PodResizeInProgress', status: 'True', reason: 'Error', message }];
    if (failedBefore?.message !== message)
      work.events?.event(wanted.pod, 'Warning', 'ResizeError', resizeMessage('error', wanted.pod, message));
    throw new PodSyncError(`the pod cannot be resized: ${message}`, { cause: error });
  }
  // The pod's own are set as soon as it is prepared again.
  memory.actuated.set(WHOLE_POD, wanted.pod.spec?.resources ?? {});
  pass.prepared = false;
}

/** The pod and its containers may use what they were given. */
export function settleResize({ work, wanted, memory }: Pass): void {
  if (work.starter.detailed) memory.actuated.set(WHOLE_POD, wanted.pod.spec?.resources ?? {});
  if (!memory.resizeConditions.some(({ type }) => type === 'PodResizeInProgress')) return;
  memory.resizeConditions = memory.resizeConditions.filter(({ type }) => type !== 'PodResizeInProgress');
  work.events?.event(wanted.pod, 'Normal', 'ResizeCompleted', resizeMessage('completed', wanted.pod));
}

/**
 * Labels and annotations that a kubelet gives to sandboxes and containers: by them it, and programs like crictl, find again what belongs
 * to which pod (pkg/kubelet/kuberuntime/labels.go).
 */

import type { V1Container, V1Pod } from '../../../../api/gen/types.ts';
import { fnv32a } from '../../../../std/fnv-hash.ts';

export const POD_NAME_LABEL = 'io.kubernetes.pod.name';
export const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
export const CONTAINER_NAME_LABEL = 'io.kubernetes.container.name';

const CONTAINER_HASH = 'io.kubernetes.container.hash';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const TERMINATION_MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath';
const TERMINATION_MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy';
const PRE_STOP_HANDLER = 'io.kubernetes.container.preStopHandler';
const CONTAINER_PORTS = 'io.kubernetes.container.ports';
const POD_DELETION_GRACE_PERIOD = 'io.kubernetes.pod.deletionGracePeriod';
const POD_TERMINATION_GRACE_PERIOD = 'io.kubernetes.pod.terminationGracePeriod';

type Texts = Readonly<Record<string, string>>;

/** The pod's own labels go first: nobody takes over another pod's sandbox by a label. */
export function sandboxLabels({ metadata = {} }: V1Pod): Texts {
  return { ...metadata.labels, ...identity({ metadata }) };
}

export function containerLabels(pod: V1Pod, container: V1Container): Texts {
  return { ...identity(pod), [CONTAINER_NAME_LABEL]: container.name };
}

export function containerAnnotations(pod: V1Pod, container: V1Container, attempt: number): Texts {
  const { terminationGracePeriodSeconds } = pod.spec ?? {};
  const { deletionGracePeriodSeconds } = pod.metadata ?? {};
  const preStop = container.lifecycle?.preStop;
  return {
    [CONTAINER_HASH]: containerHash(container),
    [RESTART_COUNT]: String(attempt),
    [TERMINATION_MESSAGE_PATH]: container.terminationMessagePath ?? '/dev/termination-log',
    [TERMINATION_MESSAGE_POLICY]: container.terminationMessagePolicy ?? 'File',
    ...(deletionGracePeriodSeconds !== undefined && { [POD_DELETION_GRACE_PERIOD]: String(deletionGracePeriodSeconds) }),
    ...(terminationGracePeriodSeconds !== undefined && { [POD_TERMINATION_GRACE_PERIOD]: String(terminationGracePeriodSeconds) }),
    ...(preStop && { [PRE_STOP_HANDLER]: JSON.stringify(preStop) }),
    ...(container.ports?.length && { [CONTAINER_PORTS]: JSON.stringify(container.ports) }),
  };
}

/** Where the container's last words are looked for; `path` is empty for a container that is not a kubelet's. */
export function terminationMessageOf(annotations: Texts): { readonly path: string; readonly fallbackToLogs: boolean } {
  return {
    path: annotations[TERMINATION_MESSAGE_PATH] ?? '',
    fallbackToLogs: annotations[TERMINATION_MESSAGE_POLICY] === 'FallbackToLogsOnError',
  };
}

/**
 * Changes when a container has to be made anew for its spec to hold: by name and image alone, as upstream does it, so that limits can be
 * changed in place. FNV-1a of 32 bits, in hexadecimal digits.
 */
export function containerHash({ name, image }: V1Container): string {
  return fnv32a(JSON.stringify({ name, image })).toString(16);
}

function identity({ metadata = {} }: V1Pod): Texts {
  return {
    [POD_NAME_LABEL]: metadata.name ?? '',
    [POD_NAMESPACE_LABEL]: metadata.namespace ?? '',
    [POD_UID_LABEL]: metadata.uid ?? '',
  };
}

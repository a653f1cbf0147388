import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';

export type ContainerKind = 'init' | 'main' | 'ephemeral';

/** An init container that is to run as long as the pod does. */
export function isSidecar(container: V1Container): boolean {
  return container.restartPolicy === 'Always';
}

/** The pod's containers of all kinds by name, with the fields that all have. Names are unique across the kinds. */
export function containersByName(
  pod: V1Pod,
): ReadonlyMap<string, { readonly kind: ContainerKind; readonly container: V1Container }> {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const entries = (kind: ContainerKind, list: readonly V1Container[]) =>
    list.map((container) => [container.name, { kind, container }] as const);
  return new Map([
    ...entries('init', initContainers),
    ...entries('main', containers),
    ...entries('ephemeral', ephemeralContainers),
  ]);
}

/** Names of the init containers that run as long as the pod does. */
export function sidecarNames(pod: V1Pod): ReadonlySet<string> {
  return new Set(pod.spec?.initContainers?.filter(isSidecar).map(({ name }) => name));
}

/** The newest container of a name. */
export function newestOf(containers: readonly RuntimeContainer[], name: string): RuntimeContainer | undefined {
  let newest: RuntimeContainer | undefined;
  for (const container of containers)
    if (container.name === name && (!newest || container.attempt > newest.attempt)) newest = container;
  return newest;
}

/**
 * What containerd says when the caller of StartContainer has gone: it gives the call up, or kills the program that begins the shim. At the
 * end alone: before it may stand what the pod calls its program.
 */
const CUT_SHORT = /(?:context canceled|start shim: .*signal: killed)(?:: unknown)?$/s;

/**
 * A container whose start was cut short when the kubelet that asked for it was killed never ran: containerd marks it as failed, while it
 * is one that was made and not started. It counts as no restart, and a pod that must not run twice has not failed by it.
 */
export function asNeverStarted(container: RuntimeContainer): RuntimeContainer {
  const { phase, reason, message = '' } = container;
  const cutShort = phase === 'exited' && reason === 'StartError' && CUT_SHORT.test(message);
  return cutShort ? { ...container, phase: 'created' } : container;
}

/** How upstream's messages name a pod (pkg/kubelet/util/format). */
export function podText({ metadata }: V1Pod): string {
  return `${metadata?.name}_${metadata?.namespace}(${metadata?.uid})`;
}

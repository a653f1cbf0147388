import type { V1Pod } from '../../api/gen/types.ts';
import type { EventRecorder } from '../../client/events.ts';

/** Tells that something of a pod could not be stopped, in upstream's words (pkg/kubelet/container: PodSyncResult). It is tried again. */
export function tellKillFailure(
  events: EventRecorder | undefined,
  pod: V1Pod,
  action: 'KillContainer' | 'KillPodSandbox',
  target: string,
  error: unknown,
): void {
  const message = `failed to "${action}" for "${target}" with ${action}Error: ${JSON.stringify((error as Error).message)}`;
  events?.event(pod, 'Warning', 'FailedKillPod', `error killing pod: ${message}`);
}

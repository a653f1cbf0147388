import type { ContainerPhase, PodSandbox, RuntimeContainer } from '../../runtime.ts';
import type { CriMessage } from '../api/cri-client.ts';
import { ContainerState, SandboxState, SIGNALS } from '../api/enums.ts';
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from './pod-labels.ts';
import { resourcesFromCri } from './resources.ts';

const PHASES: Readonly<Record<number, ContainerPhase>> = {
  [ContainerState.CREATED]: 'created',
  [ContainerState.RUNNING]: 'running',
};

/** Nanoseconds since 1970 in milliseconds; undefined for 0, which is "never". */
export function milliseconds(nanoseconds: number): number | undefined {
  return nanoseconds > 0 ? Math.floor(nanoseconds / 1e6) : undefined;
}

export function sandboxFromCri(
  sandbox: CriMessage<'PodSandbox'>,
  network: CriMessage<'PodSandboxNetworkStatus'> | undefined,
): PodSandbox {
  const { metadata } = sandbox;
  return {
    id: sandbox.id,
    podUid: podUidOf(sandbox),
    podName: metadata?.name ?? '',
    podNamespace: metadata?.namespace ?? '',
    ready: sandbox.state === SandboxState.READY,
    createdAtMs: milliseconds(sandbox.created_at) ?? 0,
    ips: [network?.ip ?? '', ...(network?.additional_ips ?? []).map(({ ip }) => ip)].filter((ip) => ip !== ''),
    attempt: metadata?.attempt ?? 0,
  };
}

export function podUidOf({ labels, metadata }: Pick<CriMessage<'PodSandbox'>, 'labels' | 'metadata'>): string {
  return labels[POD_UID_LABEL] ?? metadata?.uid ?? '';
}

/**
 * @param podUid of the container's sandbox, for a container that no kubelet labelled
 * @param lastWords its termination message, once it has ended
 */
export function containerFromCri(
  status: CriMessage<'ContainerStatus'>,
  { sandboxId, podUid, lastWords }: { readonly sandboxId: string; readonly podUid: string; readonly lastWords?: string },
): RuntimeContainer {
  const { labels, annotations, metadata, user } = status;
  const resources = resourcesFromCri(status.resources?.linux);
  const stopSignal = SIGNALS[status.stop_signal];
  return {
    id: status.id,
    sandboxId,
    podUid: labels[POD_UID_LABEL] ?? podUid,
    name: labels[CONTAINER_NAME_LABEL] ?? metadata?.name ?? '',
    attempt: metadata?.attempt ?? 0,
    phase: PHASES[status.state] ?? 'exited',
    image: status.image?.image ?? '',
    imageId: status.image_ref,
    createdAtMs: milliseconds(status.created_at) ?? 0,
    ...(status.started_at > 0 && { startedAtMs: milliseconds(status.started_at) }),
    ...ended(status, lastWords),
    annotations,
    ...(resources && { resources }),
    ...(user?.linux && {
      user: { uid: user.linux.uid, gid: user.linux.gid, supplementalGroups: user.linux.supplemental_groups },
    }),
    ...(status.stop_signal > 0 && stopSignal !== undefined && { stopSignal }),
  };
}

/** The runtime's reason and message, with the container's own last words behind. */
function ended(status: CriMessage<'ContainerStatus'>, lastWords = ''): Partial<RuntimeContainer> {
  // What a runtime lost sight of is as good as ended: it is not known to run, and is made anew.
  if (status.state === ContainerState.UNKNOWN)
    return {
      unknown: true,
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container runtime does not know the state of the container',
    };
  if (status.state !== ContainerState.EXITED) return {};
  const message = [status.message, lastWords].filter((part) => part !== '').join(': ');
  return {
    exitCode: status.exit_code,
    reason: status.reason || (status.exit_code === 0 ? 'Completed' : 'Error'),
    ...(message !== '' && { message }),
    ...(status.finished_at > 0 && { finishedAtMs: milliseconds(status.finished_at) }),
  };
}

import type { Clock } from '../../../std/clock.ts';
import { countRuntimeOperation, type KubeletMetrics } from '../../metrics/kubelet-metrics.ts';
import type { CriClient } from './api/cri-client.ts';

/** Names of operations in upstream's metrics, where they are not the call's own name in snake case. */
const NAMES: Readonly<Record<string, string>> = {
  RunPodSandbox: 'run_podsandbox',
  StopPodSandbox: 'stop_podsandbox',
  RemovePodSandbox: 'remove_podsandbox',
  PodSandboxStatus: 'podsandbox_status',
  ListPodSandbox: 'list_podsandbox',
  ListPodSandboxStats: 'list_podsandbox_stats',
  PodSandboxStats: 'podsandbox_stats',
  UpdateContainerResources: 'update_container',
  PortForward: 'port_forward',
};

/** The same client, its calls counted as `kubelet_runtime_operations_…` (pkg/kubelet/kuberuntime/instrumented_services.go). */
export function countedClient(cri: CriClient, metrics: KubeletMetrics | undefined, clock: Clock): CriClient {
  if (!metrics) return cri;
  return {
    ...cri,
    call: (call, request, options) =>
      countRuntimeOperation(metrics, clock, operationName(call), () => cri.call(call, request, options)),
  };
}

export function operationName(call: string): string {
  return NAMES[call] ?? call.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
}

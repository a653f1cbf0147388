import type { V1Pod } from '../../../../api/gen/types.ts';
import type { IdMapping, SandboxPreparation } from '../../preparation.ts';
import type { CriInput } from '../api/cri-client.ts';
import { NamespaceMode } from '../api/enums.ts';

/** Which namespaces a pod's containers share with each other and with the node (pkg/kubelet/kuberuntime/util). */
export function namespaceOptions(
  pod: V1Pod,
  idMappings: SandboxPreparation['idMappings'],
  targetContainerId?: string,
): CriInput<'NamespaceOption'> {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec ?? {};
  const pid = hostPID ? NamespaceMode.NODE : shareProcessNamespace ? NamespaceMode.POD : NamespaceMode.CONTAINER;
  return {
    network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    ipc: hostIPC ? NamespaceMode.NODE : NamespaceMode.POD,
    // With one namespace for the whole pod there is nothing to look for elsewhere.
    ...(targetContainerId !== undefined && pid === NamespaceMode.CONTAINER
      ? { pid: NamespaceMode.TARGET, target_id: targetContainerId }
      : { pid }),
    userns_options: idMappings
      ? { mode: NamespaceMode.POD, uids: idMappings.uids.map(criMapping), gids: idMappings.gids.map(criMapping) }
      : { mode: NamespaceMode.NODE },
  };
}

export function criMapping({ hostId, containerId, length }: IdMapping): CriInput<'IDMapping'> {
  return { host_id: hostId, container_id: containerId, length };
}

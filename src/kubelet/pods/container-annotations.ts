import { createHash } from 'node:crypto';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';

/** What upstream keeps with each container (pkg/kubelet/kuberuntime/labels.go), so that a kubelet started anew knows it. */
const HASH = 'io.kubernetes.container.hash';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath';
const MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy';
const GRACE = 'io.kubernetes.pod.terminationGracePeriod';
const PRE_STOP = 'io.kubernetes.container.preStopHandler';
const PORTS = 'io.kubernetes.container.ports';

export function containerAnnotations(pod: V1Pod, container: V1Container, attempt: number): Record<string, string> {
  const { lifecycle, ports, terminationMessagePath, terminationMessagePolicy } = container;
  const grace = pod.spec?.terminationGracePeriodSeconds;
  return {
    [HASH]: containerHash(container),
    [RESTART_COUNT]: String(attempt),
    [MESSAGE_PATH]: terminationMessagePath ?? '',
    [MESSAGE_POLICY]: terminationMessagePolicy ?? 'File',
    ...(grace !== undefined && { [GRACE]: String(grace) }),
    ...(lifecycle?.preStop && { [PRE_STOP]: JSON.stringify(lifecycle.preStop) }),
    ...(ports?.length && { [PORTS]: JSON.stringify(ports) }),
  };
}

/** Of what makes it another container when it changes: upstream's fields, in short hexadecimal as its hashes are. */
function containerHash({ name, image }: V1Container): string {
  return createHash('sha256').update(JSON.stringify({ image, name })).digest('hex').slice(0, 8);
}

/** Whether the container was made from another definition. Containers without a mark were not made by a kubelet like this one. */
export function definitionChanged(spec: V1Container, { annotations }: RuntimeContainer): boolean {
  const hash = annotations?.[HASH];
  return hash !== undefined && hash !== containerHash(spec);
}

export function messageSettings({ annotations = {} }: RuntimeContainer): { path: string; fallsBackToLogs: boolean } {
  return { path: annotations[MESSAGE_PATH] ?? '', fallsBackToLogs: annotations[MESSAGE_POLICY] === 'FallbackToLogsOnError' };
}

import type { V1Node } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, orElse, textColumn, wide } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

const ROLE_LABEL_PREFIX = 'node-role.kubernetes.io/';
const OLD_ROLE_LABEL = 'kubernetes.io/role';

function statusOf({ spec, status }: V1Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const words = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
}

/** From labels `node-role.kubernetes.io/<role>` and `kubernetes.io/role=<role>`. */
function rolesOf({ metadata }: V1Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata?.labels ?? {})) {
    if (key.startsWith(ROLE_LABEL_PREFIX)) roles.add(key.slice(ROLE_LABEL_PREFIX.length));
    else if (key === OLD_ROLE_LABEL) roles.add(value);
  }
  roles.delete('');
  return orElse([...roles].sort().join(','), NONE);
}

const addressOf = (node: V1Node, wanted: string) =>
  orElse(node.status?.addresses?.find(({ type }) => type === wanted)?.address, NONE);

const UNKNOWN = '<unknown>';

export const nodeColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Node>('Status', 'Whether it is ready and takes pods.', statusOf),
  textColumn<V1Node>('Roles', 'Its roles, by its labels.', rolesOf),
  ageColumn,
  textColumn<V1Node>('Version', "The kubelet's version.", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  ...wide(
    textColumn<V1Node>('Internal-IP', 'Its address inside the cluster.', (node) => addressOf(node, 'InternalIP')),
    textColumn<V1Node>('External-IP', 'Its address outside the cluster.', (node) => addressOf(node, 'ExternalIP')),
    textColumn<V1Node>('OS-Image', 'Its operating system.', ({ status }) => orElse(status?.nodeInfo?.osImage, UNKNOWN)),
    textColumn<V1Node>('Kernel-Version', 'Its kernel.', ({ status }) => orElse(status?.nodeInfo?.kernelVersion, UNKNOWN)),
    textColumn<V1Node>('Container-Runtime', 'What runs its containers.', ({ status }) =>
      orElse(status?.nodeInfo?.containerRuntimeVersion, UNKNOWN),
    ),
  ),
];

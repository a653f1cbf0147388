import type { V1Pod } from '../../api/gen/types.ts';
import type { Plugin } from '../framework/plugin.ts';

const REFUSAL = { reasons: ["node(s) didn't match Pod's required features"], unresolvable: true };

/** What only some nodes can do for a pod, by the name under which they declare it (component-helpers/nodedeclaredfeatures). */
const FEATURES: readonly (readonly [name: string, isNeeded: (spec: NonNullable<V1Pod['spec']>) => boolean])[] = [
  [
    'RestartAllContainersOnContainerExits',
    ({ containers, initContainers = [] }) =>
      [...containers, ...initContainers].some(({ restartPolicyRules }) =>
        restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
      ),
  ],
  ['UserNamespacesHostNetworkSupport', ({ hostNetwork, hostUsers }) => hostNetwork === true && hostUsers === false],
];

/** The features that a pod's node must declare. */
const neededFeatures = ({ spec }: V1Pod): readonly string[] =>
  FEATURES.flatMap(([name, isNeeded]) => (spec && isNeeded(spec) ? [name] : []));

/** A pod goes only to nodes that say that they can do what it needs. */
export const nodeDeclaredFeatures: Plugin = {
  name: 'NodeDeclaredFeatures',
  planFilter({ pod }) {
    const needed = neededFeatures(pod.pod);
    if (needed.length === 0) return undefined;
    return {
      filter({ node }) {
        const declared = node.status?.declaredFeatures ?? [];
        return needed.every((name) => declared.includes(name)) ? undefined : REFUSAL;
      },
    };
  },
  mayHelp(event, { pod }) {
    if (event.resource !== 'Node') return false;
    const declared = event.node.status?.declaredFeatures ?? [];
    const before = event.previous?.status?.declaredFeatures ?? [];
    return neededFeatures(pod).every((name) => declared.includes(name)) && (!event.previous || declared.join() !== before.join());
  },
};

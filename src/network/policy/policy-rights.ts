import type { V1PolicyRule } from '../../api/gen/types.ts';

/** What the agent of network policies does in the API. */
export const POLICY_RIGHTS: readonly V1PolicyRule[] = [
  { apiGroups: [''], resources: ['namespaces', 'nodes', 'pods'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
];

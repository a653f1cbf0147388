/** A short way to write FlowSchemas and priority levels down. */
import type {
  FlowcontrolV1Subject,
  V1FlowSchemaSpec,
  V1NonResourcePolicyRule,
  V1PolicyRulesWithSubjects,
  V1PriorityLevelConfigurationSpec,
  V1ResourcePolicyRule,
} from '../../gen/types.ts';

export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';

export const groups = (...names: readonly string[]): FlowcontrolV1Subject[] =>
  names.map((name) => ({ kind: 'Group', group: { name } }));

export const users = (...names: readonly string[]): FlowcontrolV1Subject[] =>
  names.map((name) => ({ kind: 'User', user: { name } }));

/** Of kube-system. */
export const serviceAccounts = (...names: readonly string[]): FlowcontrolV1Subject[] =>
  names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name } }));

export const resources = (
  verbs: readonly string[],
  group: string,
  names: readonly string[],
  clusterScope = false,
): V1ResourcePolicyRule => ({
  verbs: [...verbs],
  apiGroups: [group],
  resources: [...names],
  ...(clusterScope && { clusterScope }),
  namespaces: ['*'],
});

export const paths = (verbs: readonly string[], ...nonResourceURLs: string[]): V1NonResourcePolicyRule => ({
  verbs: [...verbs],
  nonResourceURLs,
});

/** Everything that these may ask for. */
export const everythingOf = (subjects: FlowcontrolV1Subject[]): V1PolicyRulesWithSubjects => ({
  subjects,
  resourceRules: [resources(['*'], '*', ['*'], true)],
  nonResourceRules: [paths(['*'], '*')],
});

export const schema = (
  priorityLevel: string,
  matchingPrecedence: number,
  distinguisher: 'ByUser' | 'ByNamespace' | undefined,
  rule: V1PolicyRulesWithSubjects,
): V1FlowSchemaSpec => ({
  priorityLevelConfiguration: { name: priorityLevel },
  matchingPrecedence,
  ...(distinguisher && { distinguisherMethod: { type: distinguisher } }),
  rules: [rule],
});

export const queuedLevel = (
  nominalConcurrencyShares: number,
  lendablePercent: number,
  queues: number,
  handSize: number,
): V1PriorityLevelConfigurationSpec => ({
  type: 'Limited',
  limited: {
    nominalConcurrencyShares,
    lendablePercent,
    limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
  },
});

/** The objects that are made once, and kept as they are here unless somebody says otherwise (bootstrap/default.go). */
import type { V1FlowSchemaSpec, V1PriorityLevelConfigurationSpec } from '../../gen/types.ts';
import {
  AUTHENTICATED,
  everythingOf,
  groups,
  paths,
  queuedLevel,
  resources,
  schema,
  serviceAccounts,
  UNAUTHENTICATED,
  users,
} from './notation.ts';

const CONTROLLER_MANAGER = 'system:kube-controller-manager';
const SCHEDULER = 'system:kube-scheduler';
const LEASES = 'coordination.k8s.io';

export const suggestedPriorityLevels: Readonly<Record<string, V1PriorityLevelConfigurationSpec>> = {
  system: queuedLevel(30, 33, 64, 6),
  'node-high': queuedLevel(40, 25, 64, 6),
  'leader-election': queuedLevel(10, 0, 16, 4),
  'workload-high': queuedLevel(40, 50, 128, 6),
  'workload-low': queuedLevel(100, 90, 128, 6),
  'global-default': queuedLevel(20, 50, 128, 6),
};

export const suggestedFlowSchemas: Readonly<Record<string, V1FlowSchemaSpec>> = {
  'system-nodes': schema('system', 500, 'ByUser', everythingOf(groups('system:nodes'))),
  'system-node-high': schema('node-high', 400, 'ByUser', {
    subjects: groups('system:nodes'),
    resourceRules: [resources(['*'], '', ['nodes', 'nodes/status'], true), resources(['*'], LEASES, ['leases'])],
  }),
  probes: schema('exempt', 2, undefined, {
    subjects: groups(UNAUTHENTICATED, AUTHENTICATED),
    nonResourceRules: [paths(['get'], '/healthz', '/readyz', '/livez')],
  }),
  'system-leader-election': schema('leader-election', 100, 'ByUser', {
    subjects: [...users(CONTROLLER_MANAGER, SCHEDULER), ...serviceAccounts('*')],
    resourceRules: [resources(['get', 'create', 'update'], LEASES, ['leases'])],
  }),
  'kube-controller-manager': schema('workload-high', 800, 'ByNamespace', everythingOf(users(CONTROLLER_MANAGER))),
  'kube-scheduler': schema('workload-high', 800, 'ByNamespace', everythingOf(users(SCHEDULER))),
  'kube-system-service-accounts': schema('workload-high', 900, 'ByNamespace', everythingOf(serviceAccounts('*'))),
  'service-accounts': schema('workload-low', 9000, 'ByUser', everythingOf(groups('system:serviceaccounts'))),
  'global-default': schema('global-default', 9900, 'ByUser', everythingOf(groups(UNAUTHENTICATED, AUTHENTICATED))),
};

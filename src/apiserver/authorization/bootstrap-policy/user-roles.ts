import type { PolicyRule } from '../policy-rule.ts';
import { allow, READ, READ_WRITE, WRITE } from './rule-notation.ts';

const EXTENSIONS_APPS = `daemonsets deployments deployments/scale ingresses networkpolicies replicasets replicasets/scale
  replicationcontrollers/scale`;

/** Rules of `system:aggregate-to-view`: what does not lead to more rights may be read, so no Secrets. */
const viewRules: readonly PolicyRule[] = [
  allow(
    READ,
    'core',
    `configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers
     replicationcontrollers/scale serviceaccounts services services/status`,
  ),
  allow(
    READ,
    'core',
    `bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas
     resourcequotas/status`,
  ),
  allow(READ, 'core', 'namespaces'),
  allow(READ, 'core events.k8s.io', 'events'),
  allow(READ, 'discovery.k8s.io', 'endpointslices'),
  allow(
    READ,
    'apps',
    `controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets
     replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status`,
  ),
  allow(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  allow(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  allow(READ, 'extensions', `${EXTENSIONS_APPS} daemonsets/status deployments/status ingresses/status replicasets/status`),
  allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  allow(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
  allow(READ, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
];

/** Rules of `system:aggregate-to-edit`. */
const editRules: readonly PolicyRule[] = [
  allow(READ, 'core', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  allow('impersonate', 'core', 'serviceaccounts'),
  allow(WRITE, 'core', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  allow('create', 'core', 'pods/eviction'),
  allow(
    WRITE,
    'core',
    `configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services
     services/proxy`,
  ),
  allow('create', 'core', 'serviceaccounts/token'),
  allow(WRITE, 'core events.k8s.io', 'events'),
  allow(
    WRITE,
    'apps',
    `daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets
     statefulsets/scale`,
  ),
  allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
  allow(WRITE, 'batch', 'cronjobs jobs'),
  allow(WRITE, 'extensions', `${EXTENSIONS_APPS} deployments/rollback`),
  allow(WRITE, 'policy', 'poddisruptionbudgets'),
  allow(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
  allow(READ_WRITE, 'coordination.k8s.io', 'leases'),
  allow(WRITE, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
];

/** Rules of `system:aggregate-to-admin`: giving away, within a namespace, what one has. */
const adminRules: readonly PolicyRule[] = [
  allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  allow(READ_WRITE, 'rbac.authorization.k8s.io', 'rolebindings roles'),
];

export const aggregateLabel = (to: string) => `rbac.authorization.k8s.io/aggregate-to-${to}`;

export interface UserRole {
  readonly name: string;
  /** Into which role its rules go. */
  readonly aggregatesTo?: string;
  /** Gathers the roles with this label, instead of rules of its own. */
  readonly gathers?: string;
  readonly rules: readonly PolicyRule[];
}

/** `view` ⊂ `edit` ⊂ `admin`, each gathered from labelled roles; anybody may label more. In an order in which each finds what it gathers. */
export const userRoles: readonly UserRole[] = [
  { name: 'system:aggregate-to-view', aggregatesTo: 'view', rules: viewRules },
  { name: 'system:aggregate-to-edit', aggregatesTo: 'edit', rules: editRules },
  { name: 'system:aggregate-to-admin', aggregatesTo: 'admin', rules: adminRules },
  { name: 'view', gathers: 'view', aggregatesTo: 'edit', rules: [] },
  { name: 'edit', gathers: 'edit', aggregatesTo: 'admin', rules: [] },
  { name: 'admin', gathers: 'admin', rules: [] },
];

import type { PolicyRule } from '../policy-rule.ts';
import { allow, READ, recordEvents } from './rule-notation.ts';

export interface NamespacedRole {
  readonly namespace: 'kube-system' | 'kube-public';
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** As in `systemBindings`; the binding has the role's name unless another is given. */
  readonly subjects: string;
  readonly bindingName?: string;
}

const MANAGER = 'kube-controller-manager';
const SCHEDULER = 'kube-scheduler';
const lockConfigMap = (name: string) => [allow('watch', 'core', 'configmaps'), allow('get update', 'core', 'configmaps', name)];

/** Roles in the system's own namespaces, with their bindings. */
export const namespaceRoles: readonly NamespacedRole[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: [allow(READ, 'core', 'configmaps', 'extension-apiserver-authentication')],
    subjects: `user:system:${MANAGER} user:system:${SCHEDULER}`,
    bindingName: 'system::extension-apiserver-authentication-reader',
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [allow(READ, 'core', 'secrets')],
    subjects: 'account:bootstrap-signer',
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: [allow('create get list watch', 'core', 'configmaps')],
    subjects: 'account:cloud-provider',
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [allow('get list watch delete', 'core', 'secrets'), recordEvents],
    subjects: 'account:token-cleaner',
  },
  {
    namespace: 'kube-system',
    name: `system::leader-locking-${MANAGER}`,
    rules: [...lockConfigMap(MANAGER), allow('get watch list create update', 'coordination.k8s.io', 'leases')],
    subjects: `user:system:${MANAGER} account:${MANAGER}`,
  },
  {
    namespace: 'kube-system',
    name: `system::leader-locking-${SCHEDULER}`,
    rules: lockConfigMap(SCHEDULER),
    subjects: `user:system:${SCHEDULER} account:${SCHEDULER}`,
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [allow(READ, 'core', 'configmaps'), allow('update', 'core', 'configmaps', 'cluster-info'), recordEvents],
    subjects: 'account:bootstrap-signer',
  },
];

import type { V1NetworkPolicy, V1NetworkPolicySpec } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { formatSelector } from '../../machinery/template-columns.ts';
import { networkPolicyWarnings, validateNetworkPolicy } from './network-policy-validation.ts';

export const networkPolicyKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  resource: 'networkpolicies',
  namespaced: true,
  shortNames: ['netpol'],
  hasGeneration: true,
  columns: [
    nameColumn,
    textColumn<V1NetworkPolicy>('Pod-Selector', 'Which pods it is about.', ({ spec }) => formatSelector(spec?.podSelector ?? {})),
    ageColumn,
  ],
  validate: validateNetworkPolicy,
  warnings: networkPolicyWarnings,
  setDefaults: (object) => {
    const spec = specOf<V1NetworkPolicySpec>(object);
    spec.podSelector ??= {};
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of ports ?? []) port.protocol ??= 'TCP';
  },
});

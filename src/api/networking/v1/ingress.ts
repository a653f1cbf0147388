import { formatLoadBalancer } from '../../core/v1/service-columns.ts';
import type { V1Ingress, V1IngressStatus } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, orElse, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { ingressWarnings, validateIngress, validateIngressStatus } from './ingress-validation.ts';

const SHOWN_HOSTS = 3;

/** The first hosts, and how many rules there are beside them where any comes behind. */
function formatHosts(rules: readonly { readonly host?: string }[]): string {
  const hosts: string[] = [];
  for (const { host } of rules) {
    if (hosts.length === SHOWN_HOSTS) return `${hosts.join(',')} + ${rules.length - SHOWN_HOSTS} more...`;
    if (host) hosts.push(host);
  }
  return orElse(hosts.join(','), '*');
}

export const ingressKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  resource: 'ingresses',
  namespaced: true,
  shortNames: ['ing'],
  storagePath: 'ingress',
  hasGeneration: true,
  parts: [statusPart({ validate: validateIngressStatus })],
  columns: [
    nameColumn,
    textColumn<V1Ingress>('Class', 'The ingress class.', ({ spec }) => orElse(spec?.ingressClassName, NONE)),
    textColumn<V1Ingress>('Hosts', 'Hosts that it answers for.', ({ spec }) => formatHosts(spec?.rules ?? [])),
    textColumn<V1Ingress>('Address', 'Where it is reached.', ({ status }) => formatLoadBalancer(status?.loadBalancer)),
    textColumn<V1Ingress>('Ports', 'Its ports.', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
  validate: validateIngress,
  warnings: ingressWarnings,
  setDefaults: ({ status }) => {
    if (status) (status as V1IngressStatus).loadBalancer ??= {};
  },
  prepareForCreate: (object) => {
    object['status'] = { loadBalancer: {} };
  },
});

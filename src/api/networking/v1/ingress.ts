import { formatLoadBalancer } from '../../core/v1/service-columns.ts';
import type { V1Ingress, V1IngressStatus } from '../../gen/types.ts';
import { ageColumn, formatSome, NONE, nameColumn, orElse, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { ingressWarnings, validateIngress, validateIngressStatus } from './ingress-validation.ts';

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
    textColumn<V1Ingress>('Hosts', 'Hosts that it answers for.', ({ spec }) => {
      const hosts = (spec?.rules ?? []).flatMap(({ host }) => host || []);
      return orElse(formatSome(hosts, 3), '*');
    }),
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

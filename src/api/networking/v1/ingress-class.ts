import type { V1IngressClass } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { validateIngressClass } from './ingress-class-validation.ts';

export const ingressClassKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  namespaced: false,
  hasGeneration: true,
  columns: [
    nameColumn,
    textColumn<V1IngressClass>('Controller', 'Who serves it.', ({ spec }) => spec?.controller ?? ''),
    textColumn<V1IngressClass>('Parameters', 'Where its parameters are.', ({ spec }) => {
      const { kind, apiGroup, name } = spec?.parameters ?? {};
      return kind ? `${kind}${apiGroup ? `.${apiGroup}` : ''}/${name}` : NONE;
    }),
    ageColumn,
  ],
  setDefaults: (object) => {
    const { parameters } = (object as V1IngressClass).spec ?? {};
    if (parameters) parameters.scope ??= 'Cluster';
  },
  validate: validateIngressClass,
});

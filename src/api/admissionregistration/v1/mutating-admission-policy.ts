import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1MutatingAdmissionPolicy } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { setMatchDefaults } from './match-rules-validation.ts';

const validation = lazyModule(() => import('./mutating-policy-validation.ts'));

export const mutatingAdmissionPolicyKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  resource: 'mutatingadmissionpolicies',
  namespaced: false,
  anyFinalizers: true,
  categories: ['api-extensions'],
  hasGeneration: true,
  columns: [
    nameColumn,
    numberColumn<V1MutatingAdmissionPolicy>(
      'Mutations',
      'How many mutations it makes.',
      ({ spec }) => spec?.mutations?.length ?? 0,
    ),
    textColumn<V1MutatingAdmissionPolicy>('ParamKind', 'The kind of its parameters.', ({ spec }) =>
      spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : UNSET,
    ),
    ageColumn,
  ],
  setDefaults: (object) => {
    const { spec } = object as V1MutatingAdmissionPolicy;
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  loadFirst: validation.load,
  validateInSteps: (object, _context, existing) => validation.loaded.validateMutatingPolicy(object, existing),
});

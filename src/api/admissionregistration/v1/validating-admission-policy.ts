import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1ValidatingAdmissionPolicy } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';
import { setMatchDefaults } from './match-rules-validation.ts';
import { validatePolicyStatus } from './type-checking-validation.ts';

const validation = lazyModule(() => import('./validating-policy-validation.ts'));

export const validatingAdmissionPolicyKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  resource: 'validatingadmissionpolicies',
  namespaced: false,
  anyFinalizers: true,
  categories: ['api-extensions'],
  hasGeneration: true,
  parts: [statusPart({ merge: mergeStatusAlone, validate: validatePolicyStatus })],
  columns: [
    nameColumn,
    numberColumn<V1ValidatingAdmissionPolicy>(
      'Validations',
      'How many rules it has.',
      ({ spec }) => spec?.validations?.length ?? 0,
    ),
    textColumn<V1ValidatingAdmissionPolicy>('ParamKind', 'The kind of its parameters.', ({ spec }) =>
      spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : UNSET,
    ),
    ageColumn,
  ],
  setDefaults: (object) => {
    const { spec } = object as V1ValidatingAdmissionPolicy;
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  prepareForCreate: resetStatus('V1ValidatingAdmissionPolicy'),
  loadFirst: validation.load,
  validateInSteps: (object, _context, existing) => validation.loaded.validateValidatingPolicy(object, existing),
});

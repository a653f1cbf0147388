import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1MutatingAdmissionPolicyBinding } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { setMatchDefaults } from './match-rules-validation.ts';
import { parameterColumn } from './parameter-column.ts';

const validation = lazyModule(() => import('./policy-binding-validation.ts'));

export const mutatingAdmissionPolicyBindingKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  resource: 'mutatingadmissionpolicybindings',
  namespaced: false,
  anyFinalizers: true,
  categories: ['api-extensions'],
  hasGeneration: true,
  columns: [
    nameColumn,
    textColumn<V1MutatingAdmissionPolicyBinding>('PolicyName', 'The policy.', ({ spec }) => spec?.policyName ?? ''),
    parameterColumn,
    ageColumn,
  ],
  setDefaults: (object) => setMatchDefaults((object as V1MutatingAdmissionPolicyBinding).spec?.matchResources),
  loadFirst: validation.load,
  validate: (object) => validation.loaded.validateMutatingPolicyBinding(object),
});

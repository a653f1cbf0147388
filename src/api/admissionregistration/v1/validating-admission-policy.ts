import type { V1ValidatingAdmissionPolicy } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';

export const validatingAdmissionPolicyKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  resource: 'validatingadmissionpolicies',
  namespaced: false,
  categories: ['api-extensions'],
  hasGeneration: true,
  parts: [statusPart()],
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
  prepareForCreate: resetStatus('V1ValidatingAdmissionPolicy'),
});

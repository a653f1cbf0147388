import type { V1PodDisruptionBudget } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn, orElse, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { validatePodDisruptionBudget, validatePodDisruptionBudgetStatus } from './pod-disruption-budget-validation.ts';

export const podDisruptionBudgetKind = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  resource: 'poddisruptionbudgets',
  namespaced: true,
  nameRule: 'path-segment',
  anyFinalizers: true,
  shortNames: ['pdb'],
  hasGeneration: true,
  parts: [statusPart({ validate: validatePodDisruptionBudgetStatus })],
  columns: [
    nameColumn,
    textColumn<V1PodDisruptionBudget>('Min Available', 'How many pods must stay.', ({ spec }) =>
      orElse(spec?.minAvailable, 'N/A'),
    ),
    textColumn<V1PodDisruptionBudget>('Max Unavailable', 'How many pods may be away.', ({ spec }) =>
      orElse(spec?.maxUnavailable, 'N/A'),
    ),
    numberColumn<V1PodDisruptionBudget>(
      'Allowed Disruptions',
      'How many more may go now.',
      ({ status }) => status?.disruptionsAllowed ?? 0,
    ),
    ageColumn,
  ],
  setDefaults: (object) => void specOf(object),
  prepareForCreate: resetStatus('V1PodDisruptionBudget'),
  validate: validatePodDisruptionBudget,
});

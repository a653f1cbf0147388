/**
 * Optional numbers that Go writes as 0 all the same, because they are no pointers and lack `omitempty` (k8s.io/api, types.go). Those that
 * are given a default when they are 0 are not among them.
 */
const WRITTEN_ZEROS: ReadonlySet<string> = new Set([
  'V1PodDisruptionBudgetStatus.currentHealthy',
  'V1PodDisruptionBudgetStatus.desiredHealthy',
  'V1PodDisruptionBudgetStatus.disruptionsAllowed',
  'V1PodDisruptionBudgetStatus.expectedPods',
  'V1PriorityClass.value',
  'V1StatefulSetStatus.availableReplicas',
]);

/** Whether an object shows the field as 0 where nobody has said what it is. */
export const isWrittenAsZero = (schema: string, field: string): boolean => WRITTEN_ZEROS.has(`${schema}.${field}`);

/** What is said of StatefulSets that are let through (pkg/registry/apps/statefulset/strategy.go). */
import { claimSpecWarnings } from '../../core/v1/storage-warnings.ts';
import { workloadWarnings } from '../../core/v1/workload-warnings.ts';
import type { V1StatefulSet } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';

const templateWarnings = workloadWarnings();

/** Of the template only when it is new; of the rest with every write. */
export function statefulSetWarnings(object: DynamicObject, existing: DynamicObject | undefined): string[] {
  const { volumeClaimTemplates = [], revisionHistoryLimit = 0 } = (object as V1StatefulSet).spec ?? {};
  // Upstream has the path of a spec in updates only, and with a capital.
  const spec = existing ? '.Spec' : '';
  const claims = volumeClaimTemplates.flatMap((claim, i) =>
    claimSpecWarnings(claim.spec, `spec.volumeClaimTemplates[${i}]${spec}`),
  );
  const history =
    revisionHistoryLimit < 0
      ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']
      : [];
  return [...templateWarnings(object, existing), ...claims, ...history];
}

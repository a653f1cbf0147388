/** Counts of pods in the status of workloads (pkg/apis/apps/validation ValidateReplicaSetStatus and the like). */
import { checkNotNegative } from './field-checks.ts';
import { invalidField } from './field-error.ts';
import type { FieldError } from './status-error.ts';

/** `parts`: the counts of pods that are among all of them, in the order in which errors tell of them. */
export function validateReplicas(
  status: object,
  parts: readonly string[],
  more: { readonly others?: readonly string[]; readonly readyField?: string; readonly generationFirst?: true } = {},
): FieldError[] {
  const counts = status as Readonly<Record<string, number | undefined>>;
  const of = (field: string) => counts[field] ?? 0;
  const generation = 'observedGeneration';
  const all = more.generationFirst ? [generation, 'replicas', ...parts] : ['replicas', ...parts, generation];
  const errors = [...all, ...(more.others ?? [])].flatMap((field) => checkNotNegative(`status.${field}`, counts[field]));
  for (const field of parts)
    if (of(field) > of('replicas'))
      errors.push(invalidField(`status.${field}`, of(field), 'cannot be greater than status.replicas'));
  if (of('availableReplicas') > of('readyReplicas'))
    errors.push(
      invalidField(
        'status.availableReplicas',
        of('availableReplicas'),
        `cannot be greater than ${more.readyField ?? 'readyReplicas'}`,
      ),
    );
  return errors;
}

/** How often names of children collided only ever grows. */
export function checkCollisionCount(after: number | undefined, before: number | undefined): FieldError[] {
  if (before === undefined || (after !== undefined && after >= before)) return [];
  return [invalidField('status.collisionCount', after ?? 0, 'cannot be decremented')];
}

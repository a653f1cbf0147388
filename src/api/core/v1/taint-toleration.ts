import type { V1Taint, V1Toleration } from '../../gen/types.ts';

/**
 * Whether a toleration takes a taint (core/v1 Toleration.ToleratesTaint): an empty key with Exists takes all, an empty
 * effect takes each.
 */
export function tolerates(toleration: V1Toleration, taint: V1Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator || 'Equal';
  if (operator === 'Exists') return true;
  return operator === 'Equal' && Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

/** The first taint with one of the effects that no toleration takes. */
export function untoleratedTaint(
  taints: readonly V1Taint[] | undefined,
  tolerations: readonly V1Toleration[] | undefined,
  effects: ReadonlySet<string>,
): V1Taint | undefined {
  return taints?.find((taint) => effects.has(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)));
}

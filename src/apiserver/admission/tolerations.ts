import type { V1Toleration } from '../../api/gen/types.ts';

/** Each is compared with each other; of more only those that are the same are merged, which tolerates no less. */
const MOST_COMPARED = 1000;

/** Both lists without what others of them tolerate as well (pkg/util/tolerations). */
export function mergeTolerations(first: readonly V1Toleration[], second: readonly V1Toleration[]): V1Toleration[] {
  const all = [...first, ...second];
  if (all.length > MOST_COMPARED) return [...new Map(all.map((toleration) => [textOf(toleration), toleration])).values()];
  const merged: V1Toleration[] = [];
  for (const [i, toleration] of all.entries()) {
    const isIncludedLater = all.slice(i + 1).some((other) => !isSame(other, toleration) && includes(other, toleration));
    if (!isIncludedLater && !merged.some((other) => includes(other, toleration))) merged.push(toleration);
  }
  return merged;
}

const textOf = ({ key = '', operator = '', value = '', effect = '', tolerationSeconds }: V1Toleration) =>
  JSON.stringify([key, operator, value, effect, tolerationSeconds]);

const isSame = (a: V1Toleration, b: V1Toleration) =>
  (a.key ?? '') === (b.key ?? '') &&
  (a.operator ?? '') === (b.operator ?? '') &&
  (a.value ?? '') === (b.value ?? '') &&
  (a.effect ?? '') === (b.effect ?? '') &&
  a.tolerationSeconds === b.tolerationSeconds;

/** Whether everything that the tolerations tolerate is in the whitelist; an empty one allows all. */
export function areAllowed(tolerations: readonly V1Toleration[], whitelist: readonly V1Toleration[]): boolean {
  return !whitelist.length || tolerations.every((toleration) => whitelist.some((allowed) => includes(allowed, toleration)));
}

/** Whether the wider one tolerates everything that the narrower one does. */
function includes(wide: V1Toleration, narrow: V1Toleration): boolean {
  if (isSame(wide, narrow)) return true;
  if ((narrow.key ?? '') !== (wide.key ?? '') && (wide.key || wide.operator !== 'Exists')) return false;
  if (wide.effect && wide.effect !== narrow.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined)
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  if (wide.operator === 'Exists') return true;
  // A narrower one must say that it is about a value; in the wider one nothing means that.
  if (wide.operator && wide.operator !== 'Equal') return false;
  return narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}

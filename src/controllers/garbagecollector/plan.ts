import type { KubeObject, OwnerReference } from '../../api/machinery/object.ts';
import { FOREGROUND_FINALIZER, type GraphNode, ORPHAN_FINALIZER } from './graph.ts';

/** What is known of each of an object's owners. */
export type OwnerState = 'exists' | 'absent' | 'waits-for-dependents';

export type ExaminePlan =
  | { readonly action: 'none' }
  /** It is being deleted in the foreground: these dependents block it and are looked at instead. */
  | { readonly action: 'wait'; readonly examine: readonly string[] }
  | { readonly action: 'remove-finalizer'; readonly finalizers: readonly string[] }
  | { readonly action: 'set-owners'; readonly owners: readonly OwnerReference[] }
  | {
      readonly action: 'delete';
      readonly propagationPolicy: 'Foreground' | 'Background' | 'Orphan';
      /** First: its references say that they block its deletion, which would wait for itself in a circle. */
      readonly unblockOwners: boolean;
    };

/** Dependents that a deletion in the foreground waits for. */
export function blockingDependents(node: GraphNode): GraphNode[] {
  return [...node.dependents].filter((dependent) =>
    dependent.owners.some((ref) => ref.uid === node.uid && ref.blockOwnerDeletion),
  );
}

/**
 * What to do about an object, given how the server has it now and how its owners are (pkg/controller/garbagecollector, attemptToDeleteItem;
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/): an object goes when all of its owners have gone; until then it
 * only loses its references to those that have.
 */
export function planExamination(node: GraphNode, live: KubeObject, stateOf: (ref: OwnerReference) => OwnerState): ExaminePlan {
  const { finalizers = [], ownerReferences = [], deletionTimestamp } = live.metadata ?? {};
  if (deletionTimestamp) {
    if (!finalizers.includes(FOREGROUND_FINALIZER)) return { action: 'none' };
    const blocking = blockingDependents(node);
    if (blocking.length === 0)
      return { action: 'remove-finalizer', finalizers: finalizers.filter((f) => f !== FOREGROUND_FINALIZER) };
    return { action: 'wait', examine: blocking.filter((d) => !d.deletingDependents).map((d) => d.uid) };
  }
  if (ownerReferences.length === 0) return { action: 'none' };
  const existing = ownerReferences.filter((ref) => stateOf(ref) === 'exists');
  const waiting = ownerReferences.some((ref) => stateOf(ref) === 'waits-for-dependents');
  if (existing.length > 0)
    return existing.length === ownerReferences.length ? { action: 'none' } : { action: 'set-owners', owners: existing };
  if (waiting && node.dependents.size > 0) {
    const unblockOwners = [...node.dependents].some((dependent) => dependent.deletingDependents);
    return { action: 'delete', propagationPolicy: 'Foreground', unblockOwners };
  }
  // What the object's deletion should do with its own dependents, its finalizers may say.
  const propagationPolicy = finalizers.includes(ORPHAN_FINALIZER)
    ? 'Orphan'
    : finalizers.includes(FOREGROUND_FINALIZER)
      ? 'Foreground'
      : 'Background';
  return { action: 'delete', propagationPolicy, unblockOwners: false };
}

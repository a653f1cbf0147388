import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { conflict } from '../../api/machinery/status-error.ts';
import type { DeleteChoices } from '../request/query-options.ts';
import { isEventKind, isNamespaceKind } from './object-rules.ts';

export type DeletePlan =
  /** Goes. One whose grace period is over by this call is stored as `marked` before. */
  | { readonly type: 'remove'; readonly marked?: DynamicObject }
  /** Stays, marked as deleted, until its grace period or its finalizers end. */
  | { readonly type: 'mark'; readonly object: DynamicObject }
  /** Is being deleted already, and this request changes nothing. */
  | { readonly type: 'wait' };

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** Throws 409 unless the object is the one, in the version, that the caller wants to delete. Upstream names the kind here. */
export function checkPreconditions(kind: KindDefinition, existing: DynamicObject, wanted: DeleteChoices['preconditions']): void {
  const { name, uid, resourceVersion } = existing.metadata;
  const refuse = (why: string) => conflict({ group: kind.group, resource: kind.kind }, name!, why);
  if (wanted.uid !== undefined && wanted.uid !== uid)
    throw refuse(
      `the UID in the precondition (${wanted.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion)
    throw refuse(
      `the ResourceVersion in the precondition (${wanted.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
}

/** What a deletion does to an object (registry/rest/delete.go and registry/generic/registry/store.go). Fields of `object` and of its metadata are set, those within them are shared with others. */
export function planDelete(kind: KindDefinition, object: DynamicObject, choices: DeleteChoices, nowMs: number): DeletePlan {
  if (isNamespaceKind(kind)) {
    const plan = planNamespaceDelete(object, choices, nowMs);
    if (plan) return plan;
  }
  const { metadata } = object;
  // Less than nothing is a second.
  const asked = choices.gracePeriodSeconds;
  const grace = planGrace(kind, object, asked !== undefined && asked < 0 ? 1 : asked, nowMs);
  // As upstream: while a grace period runs, another request does not change what is to happen to dependents.
  if (grace === 'pending') return { type: 'wait' };
  const before = metadata.finalizers ?? [];
  const finalizers = finalizersFor(kind, before, choices.propagationPolicy);
  const known = new Set(before);
  const others = finalizers.length !== before.length || finalizers.some((f) => !known.has(f));
  if (finalizers.length === 0) delete metadata.finalizers;
  else if (others) metadata.finalizers = finalizers;
  if (finalizers.length === 0 && grace === 'over') return { type: 'remove', marked: object };
  if (finalizers.length === 0 && grace === 'none') return { type: 'remove' };
  if (grace === 'none') {
    if (metadata.deletionTimestamp && metadata.deletionGracePeriodSeconds === 0 && !others) return { type: 'wait' };
    mark(object, 0, nowMs);
  }
  return { type: 'mark', object };
}

/**
 * Marks objects of kinds with a grace period. `none`: the kind has none, or it was over before; `over`: it is zero; `running`: marked by this call;
 * `pending`: marked before, and no shorter period is asked for.
 */
function planGrace(
  kind: KindDefinition,
  object: DynamicObject,
  requested: number | undefined,
  nowMs: number,
): 'none' | 'over' | 'running' | 'pending' {
  const { metadata } = object;
  if (metadata.deletionTimestamp) {
    const current = metadata.deletionGracePeriodSeconds;
    if (!kind.gracePeriodSeconds || !current) return 'none';
    if (requested === undefined || requested >= current) return 'pending';
    const endMs = Date.parse(metadata.deletionTimestamp) + (requested - current) * 1000;
    metadata.deletionTimestamp = formatTime(Math.max(endMs, nowMs));
    // A grace period that would be over by now is as short as one can be: who waits for the end of it is still told of it.
    metadata.deletionGracePeriodSeconds = endMs < nowMs && requested > 0 ? 1 : requested;
    return requested === 0 ? 'over' : 'running';
  }
  if (!kind.gracePeriodSeconds) return 'none';
  const seconds = kind.gracePeriodSeconds(object, requested);
  mark(object, seconds, nowMs);
  return seconds === 0 ? 'over' : 'running';
}

function mark({ metadata }: DynamicObject, graceSeconds: number, nowMs: number): void {
  if (!metadata.deletionTimestamp) {
    metadata.deletionTimestamp = formatTime(nowMs + graceSeconds * 1000);
    if (metadata.generation) metadata.generation++;
  }
  metadata.deletionGracePeriodSeconds = graceSeconds;
}

/** The first deletion of a namespace makes it Terminating; it goes when its finalizers have gone. */
function planNamespaceDelete(object: DynamicObject, choices: DeleteChoices, nowMs: number): DeletePlan | undefined {
  const { metadata } = object;
  if (!metadata.deletionTimestamp) {
    metadata.deletionTimestamp = formatTime(nowMs);
    const finalizers = namespaceFinalizers(metadata.finalizers ?? [], choices);
    if (finalizers.length) metadata.finalizers = finalizers;
    else delete metadata.finalizers;
    object['status'] = { ...(object['status'] as object | undefined), phase: 'Terminating' };
    return { type: 'mark', object };
  }
  const spec = object['spec'] as { finalizers?: string[] } | undefined;
  return spec?.finalizers?.length ? { type: 'wait' } : undefined;
}

/** As below, but that `orphanDependents: false` means Foreground here, and nothing is taken away unless something is said. */
function namespaceFinalizers(existing: readonly string[], { orphanDependents, propagationPolicy }: DeleteChoices): string[] {
  const policy = orphanDependents === false ? 'Foreground' : propagationPolicy;
  if (!policy) return [...existing];
  const wanted = policy === 'Orphan' ? ORPHAN : policy === 'Foreground' ? FOREGROUND : undefined;
  const kept = existing.filter((f) => f === wanted || (f !== ORPHAN && f !== FOREGROUND));
  return wanted === undefined || kept.includes(wanted) ? kept : [...kept, wanted];
}

/** The garbage collector reads from these two finalizers what is to happen to dependents. */
function finalizersFor(kind: KindDefinition, existing: readonly string[], policy: DeleteChoices['propagationPolicy']): string[] {
  const others = existing.filter((f) => f !== ORPHAN && f !== FOREGROUND);
  if (isEventKind(kind)) return others;
  if (policy === 'Orphan') return [...others, ORPHAN];
  if (policy === 'Foreground') return [...others, FOREGROUND];
  if (policy === 'Background') return others;
  if (existing.includes(ORPHAN)) return [...others, ORPHAN];
  if (existing.includes(FOREGROUND)) return [...others, FOREGROUND];
  return kind.defaultPropagation === 'orphan' ? [...others, ORPHAN] : others;
}

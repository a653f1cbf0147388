import type { V1Namespace, V1NamespaceCondition } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { DiscoveredKind, Discovery } from '../framework/discovery.ts';

export const NAMESPACE_FINALIZER = 'kubernetes';

/** What deleting a namespace's content came to. */
export interface ContentDeletion {
  readonly discoveryFailures: ReadonlyMap<string, Error>;
  readonly deletionFailures: readonly string[];
  /** How many objects are still there, by resource: `pods.`, `deployments.apps`. */
  readonly remaining: ReadonlyMap<string, number>;
  /** On how many of them each finalizer is. */
  readonly finalizers: ReadonlyMap<string, number>;
}

/** Whether the namespace waits for its content to be deleted. */
export function needsContentDeletion(namespace: V1Namespace): boolean {
  return Boolean(namespace.metadata?.deletionTimestamp) && (namespace.spec?.finalizers ?? []).includes(NAMESPACE_FINALIZER);
}

/** The kinds whose objects in the namespace are to be deleted. Events go last: they tell how the rest went. */
export function contentKinds({ kinds }: Discovery): DiscoveredKind[] {
  const isEvent = (kind: DiscoveredKind) => kind.resource === 'events';
  return kinds
    .filter((kind) => kind.namespaced && kind.verbs.includes('delete') && kind.verbs.includes('list'))
    .toSorted((a, b) => Number(isEvent(a)) - Number(isEvent(b)));
}

/** Whether all content is known to be gone, so that the namespace's finalizer may be taken off. */
export function isContentGone(result: ContentDeletion): boolean {
  return result.discoveryFailures.size === 0 && result.deletionFailures.length === 0 && result.remaining.size === 0;
}

/** `pods.` and `deployments.apps`, as upstream's messages name them. */
export function formatResource({ resource, group }: Pick<DiscoveredKind, 'resource' | 'group'>): string {
  return `${resource}.${group}`;
}

/**
 * The namespace's conditions after an attempt, in the words of pkg/controller/namespace/deletion/status_condition_utils.go. Undefined
 * when nothing changes.
 */
export function planConditions(
  existing: readonly V1NamespaceCondition[],
  result: ContentDeletion,
  nowMs: number,
): V1NamespaceCondition[] | undefined {
  const wanted = [
    condition('NamespaceDeletionDiscoveryFailure', describeDiscovery(result), {
      failed: 'DiscoveryFailed',
      fine: 'ResourcesDiscovered',
      fineMessage: 'All resources successfully discovered',
    }),
    condition('NamespaceDeletionGroupVersionParsingFailure', undefined, {
      failed: 'GroupVersionParsingFailed',
      fine: 'ParsedGroupVersions',
      fineMessage: 'All legacy kube types successfully parsed',
    }),
    condition('NamespaceDeletionContentFailure', describeFailures(result), {
      failed: 'ContentDeletionFailed',
      fine: 'ContentDeleted',
      fineMessage: 'All content successfully deleted, may be waiting on finalization',
    }),
    condition('NamespaceContentRemaining', describeRemaining(result), {
      failed: 'SomeResourcesRemain',
      fine: 'ContentRemoved',
      fineMessage: 'All content successfully removed',
    }),
    condition('NamespaceFinalizersRemaining', describeFinalizers(result), {
      failed: 'SomeFinalizersRemain',
      fine: 'ContentHasNoFinalizers',
      fineMessage: 'All content-preserving finalizers finished',
    }),
  ];
  let changed = false;
  const byType = new Map(existing.map((c) => [c.type, c]));
  for (const next of wanted) {
    const before = byType.get(next.type);
    if (before?.status === next.status && before.reason === next.reason && before.message === next.message) continue;
    const lastTransitionTime =
      before?.status === next.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(nowMs);
    byType.set(next.type, { ...next, lastTransitionTime });
    changed = true;
  }
  return changed ? [...byType.values()] : undefined;
}

function condition(
  type: string,
  problem: string | undefined,
  words: { failed: string; fine: string; fineMessage: string },
): V1NamespaceCondition {
  return problem === undefined
    ? { type, status: 'False', reason: words.fine, message: words.fineMessage }
    : { type, status: 'True', reason: words.failed, message: problem };
}

function describeDiscovery({ discoveryFailures }: ContentDeletion): string | undefined {
  if (discoveryFailures.size === 0) return undefined;
  const texts = [...discoveryFailures].map(([groupVersion, error]) => `${groupVersion}: ${error.message}`).toSorted();
  return `Discovery failed for some groups, ${texts.length} failing: unable to retrieve the complete list of server APIs: ${texts.join(', ')}`;
}

function describeFailures({ deletionFailures }: ContentDeletion): string | undefined {
  if (deletionFailures.length === 0) return undefined;
  return `Failed to delete all resource types, ${deletionFailures.length} remaining: ${deletionFailures.toSorted().join(', ')}`;
}

function describeRemaining({ remaining }: ContentDeletion): string | undefined {
  if (remaining.size === 0) return undefined;
  const texts = [...remaining].map(([resource, count]) => `${resource} has ${count} resource instances`).toSorted();
  return `Some resources are remaining: ${texts.join(', ')}`;
}

function describeFinalizers({ finalizers }: ContentDeletion): string | undefined {
  if (finalizers.size === 0) return undefined;
  const texts = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`).toSorted();
  return `Some content in the namespace has finalizers remaining: ${texts.join(', ')}`;
}

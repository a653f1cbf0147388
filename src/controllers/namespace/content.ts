import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { type DiscoveredKind, discoverKinds } from '../framework/discovery.ts';
import { type ContentDeletion, contentKinds, formatResource } from './plan.ts';

/** So many finalizers are told of by name: objects may have as many as there is room for, and all are said in one message. */
const MOST_FINALIZERS = 100;
/** How many kinds are deleted at a time. */
const PARALLEL_KINDS = 8;

/**
 * Deletes everything in a namespace, of every kind that the API server says it has, pods before all others, and says what is still
 * there. Rejects only when the kinds cannot be had at all.
 */
export async function deleteContent(client: Client, namespace: string, signal: AbortSignal): Promise<ContentDeletion> {
  const discovery = await discoverKinds(client, signal);
  const deletionFailures: string[] = [];
  const remaining = new Map<string, number>();
  const finalizers = new Map<string, number>();

  const deleteKind = async (kind: DiscoveredKind): Promise<void> => {
    try {
      for (const object of await deleteAll(client, kind, namespace, signal)) {
        remaining.set(formatResource(kind), (remaining.get(formatResource(kind)) ?? 0) + 1);
        for (const name of object.metadata?.finalizers ?? [])
          if (finalizers.size < MOST_FINALIZERS || finalizers.has(name)) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
      }
    } catch (error) {
      signal.throwIfAborted();
      deletionFailures.push(`${formatResource(kind)}: ${(error as Error).message}`);
    }
  };
  const kinds = contentKinds(discovery);
  // What pods need (their NetworkPolicies first of all) stays until they have ended.
  const pods = kinds.findIndex(({ group, resource }) => group === '' && resource === 'pods');
  if (pods >= 0) {
    await deleteKind(kinds.splice(pods, 1)[0]!);
    if (remaining.size || deletionFailures.length)
      return { discoveryFailures: discovery.failures, deletionFailures, remaining, finalizers };
  }
  const work = async () => {
    for (let kind = kinds.shift(); kind; kind = kinds.shift()) await deleteKind(kind);
  };
  await Promise.all(Array.from({ length: PARALLEL_KINDS }, work));
  return { discoveryFailures: discovery.failures, deletionFailures, remaining, finalizers };
}

/** Deletes one kind's objects and answers those that are still there. */
async function deleteAll(client: Client, kind: DiscoveredKind, namespace: string, signal: AbortSignal): Promise<KubeObject[]> {
  const resource = client.resource<KubeObject>(kind, namespace);
  const atOnce = kind.verbs.includes('deletecollection');
  // Whether there are any is all that matters where they go together.
  const { items } = await resource.list({ signal, ...(atOnce && { limit: 1 }) });
  if (items.length === 0) return [];
  if (atOnce) await unlessReason(resource.deleteCollection({ signal, propagationPolicy: 'Background' }), 'NotFound');
  else
    for (const { metadata } of items)
      await unlessReason(resource.delete(metadata?.name ?? '', { signal, propagationPolicy: 'Background' }), 'NotFound');
  return (await resource.list({ signal })).items;
}

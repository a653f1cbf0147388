import { controllerRevisionKind } from '../../api/apps/v1/controller-revision.ts';
import type { V1ControllerRevision, V1PodTemplateSpec } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { hasReason, unlessReason } from '../../client/unless-reason.ts';
import { controllerOf, controllerReference } from './owner.ts';
import { shortHash } from './short-hash.ts';

/** On pods: the revision of the template that they were made of. */
export const REVISION_LABEL = 'controller-revision-hash';

/** What keeps revisions of its template: a DaemonSet, a StatefulSet. */
export type RevisionOwner = KubeObject & {
  spec?: { template?: V1PodTemplateSpec; selector?: { matchLabels?: Record<string, string> } };
  status?: { collisionCount?: number };
};

/**
 * A template as revisions keep it: a patch that puts it back (`kubectl rollout undo` sends it). With its keys in order, since kubectl
 * compares its bytes with those that it would have written itself, to tell whether there is anything to go back to.
 */
export const revisionData = (template: V1PodTemplateSpec | undefined): object =>
  inKeyOrder({ spec: { template: { $patch: 'replace', ...template } } }) as object;

function inKeyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inKeyOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, held]) => [key, inKeyOrder(held)]));
}

/** The template that a revision keeps. */
export function templateIn(revision: V1ControllerRevision): V1PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as { spec: { template: V1PodTemplateSpec & { $patch?: string } } }).spec
    .template;
  return template as V1PodTemplateSpec;
}

export const byRevision = (a: V1ControllerRevision, b: V1ControllerRevision): number =>
  a.revision - b.revision || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);

export interface RevisionsOptions {
  readonly client: Client;
  readonly ownerKind: ResourceKind;
  readonly signal: AbortSignal;
  /** Told of a name that somebody else has; the owner's collisionCount must then grow. */
  readonly collided: () => Promise<void>;
}

/**
 * The revision of the owner's template as it is now: made when there is none, and made the newest when it is an old one that came back.
 *
 * @param existing the owner's revisions
 */
export async function currentRevision(
  owner: RevisionOwner,
  existing: readonly V1ControllerRevision[],
  options: RevisionsOptions,
): Promise<V1ControllerRevision> {
  const { client, ownerKind, signal } = options;
  const data = revisionData(owner.spec?.template);
  const sorted = existing.toSorted(byRevision);
  const newest = sorted.at(-1)?.revision ?? 0;
  const resource = client.resource<V1ControllerRevision>(controllerRevisionKind, owner.metadata?.namespace);
  const same = sorted.findLast((revision) => equalJson(revision.data, data));
  if (same) return same.revision === newest ? same : resource.update({ ...same, revision: newest + 1 }, { signal });
  const hash = shortHash(data, owner.status?.collisionCount);
  const wanted = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata?.name}-${hash}`,
      namespace: owner.metadata?.namespace,
      labels: { ...owner.spec?.template?.metadata?.labels, [REVISION_LABEL]: hash },
      annotations: owner.metadata?.annotations,
      ownerReferences: [controllerReference(ownerKind, owner)],
    },
    data,
    revision: newest + 1,
  } as unknown as V1ControllerRevision;
  try {
    return await resource.create(wanted, { signal });
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    const found = await resource.get(wanted.metadata?.name ?? '', { signal });
    if (controllerOf(found)?.uid === owner.metadata?.uid && equalJson(found.data, data)) return found;
    await options.collided();
    throw error;
  }
}

/** Old revisions beyond the limit that no pod is of. */
export function surplusRevisions(
  existing: readonly V1ControllerRevision[],
  isLive: (revision: V1ControllerRevision) => boolean,
  limit: number,
): V1ControllerRevision[] {
  const idle = existing.filter((revision) => !isLive(revision)).sort(byRevision);
  return idle.slice(0, Math.max(0, idle.length - limit));
}

export async function deleteRevisions(
  revisions: readonly V1ControllerRevision[],
  { client, signal }: RevisionsOptions,
): Promise<void> {
  for (const { metadata } of revisions)
    await unlessReason(
      client
        .resource(controllerRevisionKind, metadata?.namespace)
        .delete(metadata?.name ?? '', { preconditions: { uid: metadata?.uid }, signal }),
      'NotFound',
    );
}

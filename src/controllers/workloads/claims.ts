import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { controllerOf, controllerReference } from './owner.ts';

/** What is to be done so that an owner has what it selects, and nothing else. */
export interface ClaimPlan<T> {
  readonly owned: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/**
 * Sorts objects that may belong to an owner: its own that it selects, orphans that it may adopt, its own that it no longer selects.
 * What is being deleted is neither adopted nor released, and an owner that is being deleted does nothing but keep
 * (https://github.com/kubernetes/design-proposals-archive/blob/main/api-machinery/controller-ref.md).
 */
export function planClaims<T extends KubeObject>(owner: KubeObject, selector: Selector, objects: Iterable<T>): ClaimPlan<T> {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const object of objects) {
    const controller = controllerOf(object);
    const selected = selector.matches(object.metadata?.labels);
    if (controller) {
      if (controller.uid !== owner.metadata?.uid) continue;
      if (selected) owned.push(object);
      else if (!owner.metadata?.deletionTimestamp) release.push(object);
    } else if (selected && !owner.metadata?.deletionTimestamp && !object.metadata?.deletionTimestamp) adopt.push(object);
  }
  return { owned, adopt, release };
}

export interface ClaimOptions {
  readonly client: Client;
  readonly ownerKind: ResourceKind;
  readonly owner: KubeObject;
  readonly kind: ResourceKind;
  readonly signal: AbortSignal;
  /** Put on what is adopted. */
  readonly finalizers?: readonly string[];
}

/** Carries out a plan and answers what the owner has then. An orphan is adopted only when the server says that the owner lives. */
export async function claim<T extends KubeObject>(plan: ClaimPlan<T>, options: ClaimOptions): Promise<T[]> {
  const { client, ownerKind, owner, kind, signal } = options;
  const claimed = [...plan.owned];
  for (const object of plan.release) {
    const { name = '', namespace, uid } = object.metadata ?? {};
    // A strategic patch takes one reference out of the list by its key.
    const patch = { metadata: { uid, ownerReferences: [{ $patch: 'delete', uid: owner.metadata?.uid }] } };
    const patched = client.resource<T>(kind, namespace).patch(name, patch, { type: 'strategic', signal });
    // Gone, or released already. One that was made anew under its name is a conflict, and another one when we look again.
    await unlessReason(patched, 'NotFound', 'Invalid');
  }
  if (plan.adopt.length === 0) return claimed;
  await checkMayAdopt(options);
  for (const object of plan.adopt) {
    const { name = '', namespace, uid } = object.metadata ?? {};
    const finalizers = options.finalizers?.filter((finalizer) => !object.metadata?.finalizers?.includes(finalizer));
    const patch = {
      metadata: { uid, ownerReferences: [controllerReference(ownerKind, owner)], ...(finalizers?.length && { finalizers }) },
    };
    const adopted = await unlessReason(
      client.resource<T>(kind, namespace).patch(name, patch, { type: 'strategic', signal }),
      'NotFound',
    );
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

/** Our copy of the owner may be old: adopting for one that is gone would leave the object to the garbage collector. */
async function checkMayAdopt({ client, ownerKind, owner, signal }: ClaimOptions): Promise<void> {
  const { name = '', namespace, uid } = owner.metadata ?? {};
  const fresh = await client.resource(ownerKind, namespace).get(name, { signal });
  if (fresh.metadata?.uid !== uid)
    throw new Error(`original ${ownerKind.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata?.uid}, wanted ${uid}`);
  if (fresh.metadata?.deletionTimestamp)
    throw new Error(`${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
}

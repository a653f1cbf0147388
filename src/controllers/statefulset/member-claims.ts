import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { claimName, claimOwner, claimsOf, memberName } from './member.ts';

export interface MemberClaimsOptions {
  readonly client: Client;
  readonly claims: Informer<V1PersistentVolumeClaim>;
  readonly events: EventRecorder;
}

/** Makes the claims of members, and lets them go with whom the set says. */
export class MemberClaims {
  readonly #options: MemberClaimsOptions;

  constructor(options: MemberClaimsOptions) {
    this.#options = options;
  }

  /** Makes those that are missing. Rejects while one of them is being deleted: a member must not start with it. */
  async ensure(set: V1StatefulSet, ordinal: number, signal: AbortSignal): Promise<void> {
    const { client, claims, events } = this.#options;
    const { namespace = '', name: setName } = set.metadata ?? {};
    for (const wanted of claimsOf(set, ordinal)) {
      const name = wanted.metadata?.name ?? '';
      const existing = claims.get(name, namespace);
      if (existing?.metadata?.deletionTimestamp) throw new Error(`pvc ${name} is to be deleted`);
      if (existing) continue;
      const owner = claimOwner(set, undefined, ordinal);
      const claim = owner ? { ...wanted, metadata: { ...wanted.metadata, ownerReferences: [owner] } } : wanted;
      const told = `create Claim ${name} Pod ${memberName(set, ordinal)} in StatefulSet ${setName}`;
      try {
        const resource = client.resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, namespace);
        if (await unlessReason(resource.create(claim as V1PersistentVolumeClaim, { signal }), 'AlreadyExists'))
          events.event(set, 'Normal', 'SuccessfulCreate', `${told} success`);
      } catch (error) {
        if (!signal.aborted) events.event(set, 'Warning', 'FailedCreate', `${told} failed error: ${(error as Error).message}`);
        throw error;
      }
    }
  }

  /**
   * Whether claims still belong to a former pod of the member, which scaling down took: they are about to go, and a new pod is not to
   * start with them.
   */
  areStale(set: V1StatefulSet, ordinal: number): boolean {
    if (set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false;
    return (set.spec.volumeClaimTemplates ?? []).some((template) => {
      const claim = this.#options.claims.get(claimName(template, set, ordinal), set.metadata?.namespace);
      return claim?.metadata?.ownerReferences?.some(({ kind, name }) => kind === 'Pod' && name === memberName(set, ordinal));
    });
  }

  /** Says in a member's claims with whom they go. References that others made stay as they are. */
  async keepOwners(set: V1StatefulSet, pod: V1Pod, ordinal: number, signal: AbortSignal): Promise<void> {
    const { client, claims, events } = this.#options;
    if (!set.spec?.persistentVolumeClaimRetentionPolicy) return;
    const wanted = claimOwner(set, pod, ordinal);
    const ours = new Set([set.metadata?.uid, pod.metadata?.uid]);
    for (const template of set.spec?.volumeClaimTemplates ?? []) {
      const claim = claims.get(claimName(template, set, ordinal), set.metadata?.namespace);
      if (!claim) continue;
      const before = claim.metadata?.ownerReferences ?? [];
      const others = before.filter(({ uid }) => !ours.has(uid));
      const isForeign = wanted !== undefined && others.some(({ controller }) => controller);
      if (isForeign) {
        const message = `PersistentVolumeClaim ${claim.metadata?.name} has a conflicting OwnerReference that acts as a managing controller, the retention policy is ignored for this claim`;
        events.event(set, 'Warning', 'ConflictingController', message);
      }
      const after = [...others, ...(wanted && !isForeign ? [wanted] : [])];
      if (equalJson(before, after)) continue;
      const changed = { ...claim, metadata: { ...claim.metadata, ownerReferences: after } } as V1PersistentVolumeClaim;
      await client
        .resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, set.metadata?.namespace)
        .update(changed, { signal });
    }
  }
}

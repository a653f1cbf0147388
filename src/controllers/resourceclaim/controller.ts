import { podKind } from '../../api/core/v1/pod.ts';
import type {
  ResourceV1ResourceClaim,
  V1Pod,
  V1PodResourceClaim,
  V1ResourceClaimConsumerReference,
  V1ResourceClaimTemplate,
} from '../../api/gen/types.ts';
import {
  CLAIM_FINALIZER,
  canBeReserved,
  claimNameOf,
  claimNamesOf,
  isReservedFor,
  POD_CLAIM_ANNOTATION,
  reservedFor,
  whyNotFor,
} from '../../api/resource/v1/pod-claims.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { resourceClaimTemplateKind } from '../../api/resource/v1/resource-claim-template.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { controllerOf, refersTo } from '../workloads/owner.ts';
import { claimFromTemplate, isPodDone, orphanOf, planClaim } from './plan.ts';

type Claim = ResourceV1ResourceClaim;
const BY_CLAIM = 'pod-resource-claim-index';
const BY_TEMPLATE = 'pod-resource-claim-template-index';
const BY_OWNER = 'claim-pod-owner-index';

/**
 * Makes pods' claims of devices from templates, takes back what is claimed when its last user has ended, and notes users that came to
 * their node without a scheduler (upstream's pkg/controller/resourceclaim). Devices are allotted by the scheduler.
 */
export function createResourceClaimController(
  context: ControllerContext,
  options: { readonly workers?: number } = {},
): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const pods = informers.of<V1Pod>(podKind);
  const claims = informers.of<Claim>(resourceClaimKind);
  const templates = informers.of<V1ResourceClaimTemplate>(resourceClaimTemplateKind);
  const inNamespace = ({ metadata }: V1Pod, names: readonly string[]) => names.map((name) => `${metadata?.namespace}/${name}`);
  informers.index(pods, BY_CLAIM, (pod) => inNamespace(pod, claimNamesOf(pod)));
  informers.index(pods, BY_TEMPLATE, (pod) =>
    inNamespace(
      pod,
      (pod.spec?.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) => name ?? []),
    ),
  );
  informers.index(claims, BY_OWNER, (claim) => {
    const owner = controllerOf(claim);
    return owner && refersTo(podKind, owner) ? [owner.uid] : [];
  });
  const claimsIn = (namespace: string) => client.resource<Claim>(resourceClaimKind, namespace);
  /** Made here, and not shown by the informer yet: by the pod's uid and its name for the claim. */
  const made = new Map<string, Claim>();

  /** The name of a claim that was found or made for the pod; undefined when nothing is to be told. */
  async function ensureClaim(pod: V1Pod, podClaim: V1PodResourceClaim, signal: AbortSignal): Promise<string | undefined> {
    const { namespace = '', uid = '' } = pod.metadata ?? {};
    const { resourceClaimTemplateName } = podClaim;
    const named = claimNameOf(pod, podClaim);
    if ('none' in named || resourceClaimTemplateName === undefined) return undefined;
    if ('name' in named) {
      const known = claims.get(named.name, namespace);
      if (known && whyNotFor(known, pod) === undefined) return undefined;
    }
    const key = `${uid} ${podClaim.name}`;
    const orphan = orphanOf(claims.byIndex(BY_OWNER, uid), podClaim) ?? made.get(key);
    if (orphan) return orphan.metadata?.name;
    const template = templates.get(resourceClaimTemplateName, namespace);
    if (!template)
      throw new Error(
        `resource claim template ${JSON.stringify(resourceClaimTemplateName)}: resourceclaimtemplate.resource.k8s.io ${JSON.stringify(resourceClaimTemplateName)} not found`,
      );
    const wanted = claimFromTemplate(pod, podClaim, template);
    const created = await claimsIn(namespace)
      .create(wanted, { signal })
      .catch((error: Error) => {
        throw new Error(`create ResourceClaim ${wanted.metadata?.generateName}: ${error.message}`, { cause: error });
      });
    made.set(key, created);
    return created.metadata?.name;
  }

  async function reconcilePod(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(name, namespace);
    if (!pod || pod.metadata?.deletionTimestamp || isPodDone(pod)) return;
    const found: { name: string; resourceClaimName: string }[] = [];
    for (const podClaim of pod.spec?.resourceClaims ?? [])
      try {
        const resourceClaimName = await ensureClaim(pod, podClaim, signal);
        if (resourceClaimName !== undefined) found.push({ name: podClaim.name, resourceClaimName });
      } catch (error) {
        const why = `PodResourceClaim ${podClaim.name}: ${(error as Error).message}`;
        if (!signal.aborted) events.event(pod, 'Warning', 'FailedResourceClaimCreation', why);
        throw new Error(`pod ${key}, ${why}`, { cause: error });
      }
    if (found.length > 0) {
      const patch = { metadata: { uid: pod.metadata?.uid }, status: { resourceClaimStatuses: found } };
      const pods = client.resource<V1Pod>(podKind, namespace);
      await pods.patch(name, patch, { type: 'strategic', subresource: 'status', signal });
    }
    // What has no node yet is reserved by the scheduler.
    if (pod.spec?.nodeName) await reserve(pod, signal);
  }

  async function reserve(pod: V1Pod, signal: AbortSignal): Promise<void> {
    const { namespace = '' } = pod.metadata ?? {};
    for (const podClaim of pod.spec?.resourceClaims ?? []) {
      const named = claimNameOf(pod, podClaim);
      const claim = 'name' in named ? claims.get(named.name, namespace) : undefined;
      if (!('name' in named) || !claim) continue;
      const why = named.isOwned ? whyNotFor(claim, pod) : undefined;
      if (why !== undefined) throw new Error(why);
      if (claim.status?.allocation && !isReservedFor(claim, pod) && canBeReserved(claim))
        await claimsIn(namespace).update(reservedFor(claim, pod), { subresource: 'status', signal });
    }
  }

  async function isUsing(namespace: string, user: V1ResourceClaimConsumerReference, signal: AbortSignal): Promise<boolean> {
    // Of others than pods nobody knows here whether they are there still.
    if (user.apiGroup || user.resource !== 'pods') return true;
    // The scheduler may know of a pod that is not shown here yet.
    const pod =
      pods.get(user.name, namespace) ??
      (await unlessReason(client.resource<V1Pod>(podKind, namespace).get(user.name, { signal }), 'NotFound'));
    return pod !== undefined && pod.metadata?.uid === user.uid && !isPodDone(pod);
  }

  async function reconcileClaim(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    let claim = claims.get(name, namespace);
    if (!claim) return;
    const users: V1ResourceClaimConsumerReference[] = [];
    for (const user of claim.status?.reservedFor ?? []) if (await isUsing(namespace, user, signal)) users.push(user);
    const { status, release } = planClaim(claim, users);
    const resource = claimsIn(namespace);
    if (status) claim = await resource.update({ ...claim, status }, { subresource: 'status', signal });
    if (release) {
      const finalizers = claim.metadata?.finalizers?.filter((finalizer) => finalizer !== CLAIM_FINALIZER);
      await resource.update({ ...claim, metadata: { ...claim.metadata, finalizers } } as Claim, { signal });
    }
    const owner = controllerOf(claim);
    if (users.length > 0 || claim.metadata?.deletionTimestamp || !owner || !refersTo(podKind, owner)) return;
    // One that is not known goes by the garbage collector.
    const pod = pods.get(owner.name, namespace);
    if (pod && (pod.metadata?.uid !== owner.uid || isPodDone(pod)))
      await unlessReason(resource.delete(name, { preconditions: { uid: claim.metadata?.uid }, signal }), 'NotFound');
  }

  const common = { clock, logger, metrics, workers: options.workers };
  const podLoop = new Reconciler({ name: context.name, reconcile: reconcilePod, ...common });
  const claimLoop = new Reconciler({ name: `${context.name}-claims`, reconcile: reconcileClaim, ...common });
  return createController(context, {
    sources: [
      source(pods, (pod, { type }) => {
        const { resourceClaims = [] } = pod.spec ?? {};
        if (!resourceClaims.length && !pod.status?.extendedResourceClaimStatus) return;
        const isGone = type === 'deleted';
        if (isGone) for (const { name } of resourceClaims) made.delete(`${pod.metadata?.uid} ${name}`);
        if (isGone || isPodDone(pod)) for (const key of inNamespace(pod, claimNamesOf(pod))) claimLoop.add(key);
        else if (resourceClaims.length) podLoop.add(keyOf(pod));
      }),
      source(claims, (claim, { type }) => {
        const key = keyOf(claim);
        if (type !== 'deleted') claimLoop.add(key);
        const owner = controllerOf(claim);
        const name = claim.metadata?.annotations?.[POD_CLAIM_ANNOTATION];
        if (owner && name !== undefined) made.delete(`${owner.uid} ${name}`);
        for (const pod of pods.byIndex(BY_CLAIM, key)) podLoop.add(keyOf(pod));
      }),
      source(templates, (template, { type }) => {
        if (type === 'added') for (const pod of pods.byIndex(BY_TEMPLATE, keyOf(template))) podLoop.add(keyOf(pod));
      }),
    ],
    loops: [podLoop, claimLoop],
  });
}

import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1PersistentVolumeClaim, V1Pod, V1Volume } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { controllerReference } from '../workloads/owner.ts';
import { isMadeFor, podsByClaim } from '../workloads/pod-claims.ts';

/** The claim of a generic ephemeral volume: named after pod and volume, owned by the pod. */
export function claimFor(pod: V1Pod, { name, ephemeral }: V1Volume): V1PersistentVolumeClaim {
  const { metadata, spec } = ephemeral?.volumeClaimTemplate ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${pod.metadata?.name}-${name}`,
      namespace: pod.metadata?.namespace,
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.labels && { labels: metadata.labels }),
      ownerReferences: [controllerReference(podKind, pod)],
    },
    spec: structuredClone(spec),
  } as V1PersistentVolumeClaim;
}

/** Makes the claims of pods' generic ephemeral volumes; they go with their pods (upstream's pkg/controller/volume/ephemeral). */
export function createEphemeralVolumeController(
  context: ControllerContext,
  options: { readonly workers?: number } = {},
): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const { pods, withClaim } = podsByClaim(informers);
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);

  const ensureClaim = async (pod: V1Pod, volume: V1Volume, signal: AbortSignal): Promise<void> => {
    const wanted = claimFor(pod, volume);
    const { namespace, name = '' } = wanted.metadata ?? {};
    const existing = claims.get(name, namespace);
    if (!existing) {
      const creating = client.resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, namespace).create(wanted, { signal });
      await creating.catch((error: Error) => {
        throw new Error(`create PVC ${name}: ${error.message}`, { cause: error });
      });
    } else if (!isMadeFor(existing, pod)) {
      const podName = `${namespace}/${pod.metadata?.name}`;
      throw new Error(`PVC ${namespace}/${name} was not created for pod ${podName} (pod is not owner)`);
    }
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(name, namespace);
    if (!pod || pod.metadata?.deletionTimestamp) return;
    for (const volume of pod.spec?.volumes ?? []) {
      if (!volume.ephemeral) continue;
      try {
        await ensureClaim(pod, volume, signal);
      } catch (error) {
        const why = `ephemeral volume ${volume.name}: ${(error as Error).message}`;
        if (!signal.aborted) events.event(pod, 'Warning', 'FailedBinding', why);
        throw new Error(`pod ${key}, ${why}`, { cause: error });
      }
    }
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });
  return createController(context, {
    sources: [
      // The volumes of a pod do not change.
      source(pods, (pod, { type, previous }) => {
        const isNew = type === 'added' || previous?.metadata?.uid !== pod.metadata?.uid;
        if (isNew && pod.spec?.volumes?.some(({ ephemeral }) => ephemeral)) loop.add(keyOf(pod));
      }),
      source(claims, (claim, { type }) => {
        if (type !== 'deleted') return;
        // Also one that was in the way, whoever made it.
        for (const pod of withClaim(keyOf(claim)))
          if (pod.spec?.volumes?.some(({ ephemeral }) => ephemeral)) loop.add(keyOf(pod));
      }),
    ],
    loops: [loop],
  });
}

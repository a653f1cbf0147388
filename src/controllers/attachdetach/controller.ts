import { nodeKind } from '../../api/core/v1/node.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type {
  V1CSIDriver,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1VolumeAttachment,
} from '../../api/gen/types.ts';
import { attachmentName } from '../../api/storage/v1/attachment-name.ts';
import { csiDriverKind } from '../../api/storage/v1/csi-driver.ts';
import { volumeAttachmentKind } from '../../api/storage/v1/volume-attachment.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { podsByNode } from '../framework/pods-by-node.ts';
import { claimsOfPod, isMadeFor, podsByClaim } from '../workloads/pod-claims.ts';
import { NodeReport } from './node-report.ts';
import { multiAttachMessage, needsVolumes, planDetach, planVolume, requiresAttach, uniqueName } from './plan.ts';

export interface AttachDetachOptions {
  /** Never take a volume from a node that says it uses it, but by the out-of-service taint. */
  readonly disableForceDetachOnTimeout?: boolean;
}

const BY_VOLUME = 'spec.source.persistentVolumeName';
const BY_NODE = 'spec.nodeName';

/** Asks for CSI volumes to be attached to the nodes of the pods that need them, and lets them go when none does. */
export function createAttachDetachController(context: ControllerContext, options: AttachDetachOptions = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const { pods, withClaim } = podsByClaim(informers);
  const { onNode } = podsByNode(informers);
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);
  const volumes = informers.of<V1PersistentVolume>(persistentVolumeKind);
  const drivers = informers.of<V1CSIDriver>(csiDriverKind);
  const nodes = informers.of<V1Node>(nodeKind);
  const attachments = informers.of<V1VolumeAttachment>(volumeAttachmentKind);
  informers.index(attachments, BY_VOLUME, ({ spec }) =>
    spec.source.persistentVolumeName ? [spec.source.persistentVolumeName] : [],
  );
  informers.index(attachments, BY_NODE, ({ spec }) => [spec.nodeName]);
  const report = new NodeReport({
    client,
    nodes,
    attachmentsOn: (node) => attachments.byIndex(BY_NODE, node),
    nameOf: ({ spec }) => {
      const volume = volumes.get(spec.source.persistentVolumeName ?? '');
      return volume && uniqueName(volume);
    },
  });
  /** What nodes last said that they use; kept of those that are gone while something is attached to them. */
  const inUse = new Map<string, ReadonlySet<string>>();
  /** Since when attachments are not wanted, by name. */
  const unwantedSince = new Map<string, number>();
  /** By volume, the nodes whose pods have been told that it is elsewhere. */
  const told = new Map<string, Set<string>>();

  const usersOf = (volume: V1PersistentVolume): V1Pod[] => {
    const { namespace, name = '', uid } = volume.spec?.claimRef ?? {};
    const claim = name ? claims.get(name, namespace) : undefined;
    if (!claim || claim.spec?.volumeName !== volume.metadata?.name || (uid && uid !== claim.metadata?.uid)) return [];
    return withClaim(keyOf(claim)).filter((pod) => {
      const byName = pod.spec?.volumes?.some((one) => one.persistentVolumeClaim?.claimName === name);
      return (byName || isMadeFor(claim, pod)) && needsVolumes(pod, nodes.get(pod.spec?.nodeName ?? ''));
    });
  };

  const attach = async (volume: V1PersistentVolume, nodeName: string, signal: AbortSignal): Promise<void> => {
    const { driver = '', volumeHandle = '' } = volume.spec?.csi ?? {};
    const attachment = {
      metadata: { name: attachmentName(volumeHandle, driver, nodeName) },
      spec: { attacher: driver, nodeName, source: { persistentVolumeName: volume.metadata?.name } },
    } as V1VolumeAttachment;
    logger.info('Attaching volume', { volume: keyOf(volume), node: nodeName });
    await unlessReason(client.resource<V1VolumeAttachment>(volumeAttachmentKind).create(attachment, { signal }), 'AlreadyExists');
  };

  /** Answers how long to wait when the node still has the volume. */
  const detach = async (
    volume: V1PersistentVolume,
    attachment: V1VolumeAttachment,
    signal: AbortSignal,
  ): Promise<number | undefined> => {
    const { name = '', uid } = attachment.metadata ?? {};
    const { nodeName } = attachment.spec;
    const nowMs = clock.now();
    const sinceMs = unwantedSince.get(name) ?? nowMs;
    unwantedSince.set(name, sinceMs);
    const volumeName = uniqueName(volume) ?? '';
    const decide = (node: V1Node | undefined, used: ReadonlySet<string> | undefined) =>
      planDetach({
        node,
        isInUse: used?.has(volumeName) ?? false,
        unwantedMs: nowMs - sinceMs,
        mayForce: !options.disableForceDetachOnTimeout,
      });
    let verdict = decide(nodes.get(nodeName), inUse.get(nodeName));
    if (verdict === 'now') {
      // Our cache may not have heard yet that the node has begun to use it.
      const node = await unlessReason(client.resource<V1Node>(nodeKind).get(nodeName, { signal }), 'NotFound');
      if (node) verdict = decide(node, new Set(node.status?.volumesInUse));
    }
    if (verdict === 'wait') return undefined;
    if (typeof verdict === 'object') return verdict.waitMs;
    if (verdict === 'force')
      logger.warn('Detaching a volume that its node still uses', { volume: keyOf(volume), node: nodeName });
    report.leave(attachment);
    await report.write(nodeName, signal);
    const resource = client.resource<V1VolumeAttachment>(volumeAttachmentKind);
    await unlessReason(resource.delete(name, { preconditions: { uid }, signal }), 'NotFound', 'Conflict');
    return undefined;
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    const volume = volumes.get(name);
    if (!volume?.spec?.csi) {
      told.delete(name);
      return;
    }
    const users = usersOf(volume);
    const existing = attachments.byIndex(BY_VOLUME, name);
    const required = requiresAttach(drivers.get(volume.spec.csi.driver));
    const plan = planVolume({ volume, users, attachments: existing, required });
    for (const attachment of existing)
      if (!attachment.metadata?.deletionTimestamp && !plan.detach.includes(attachment)) {
        unwantedSince.delete(keyOf(attachment));
        report.forget(attachment);
      }
    for (const node of plan.attach) await attach(volume, node, signal);
    for (const node of plan.blocked) if (!told.get(name)?.has(node)) tellBlocked(volume, node, users);
    if (plan.blocked.length > 0) told.set(name, new Set(plan.blocked));
    else told.delete(name);
    const waits: number[] = [];
    for (const attachment of plan.detach) {
      const waitMs = await detach(volume, attachment, signal);
      if (waitMs !== undefined) waits.push(waitMs);
    }
    if (waits.length > 0) return { requeueAfterMs: Math.min(...waits) };
  };

  const tellBlocked = (volume: V1PersistentVolume, node: string, users: readonly V1Pod[]) => {
    const others = users.filter((pod) => pod.spec?.nodeName !== node);
    for (const pod of users.filter((one) => one.spec?.nodeName === node))
      events.event(pod, 'Warning', 'FailedAttachVolume', multiAttachMessage(keyOf(volume), pod, others));
  };

  const tellOutcome = (attachment: V1VolumeAttachment, previous: V1VolumeAttachment | undefined) => {
    const volume = volumes.get(attachment.spec.source.persistentVolumeName ?? '');
    if (!volume || !previous || attachment.metadata?.deletionTimestamp) return;
    const waiting = usersOf(volume).filter((pod) => pod.spec?.nodeName === attachment.spec.nodeName);
    const failure = attachment.status?.attachError?.message;
    const prefix = 'AttachVolume.Attach';
    if (attachment.status?.attached && !previous.status?.attached) {
      const message = `${prefix} succeeded for volume "${keyOf(volume)}" `;
      for (const pod of waiting) events.event(pod, 'Normal', 'SuccessfulAttachVolume', message);
    } else if (failure && failure !== previous.status?.attachError?.message) {
      const message = `${prefix} failed for volume "${keyOf(volume)}" : ${failure}`;
      for (const pod of waiting) events.event(pod, 'Warning', 'FailedAttachVolume', message);
    }
  };

  const common = { clock, logger, metrics };
  const volumeLoop = new Reconciler({ ...common, name: `${context.name}-volumes`, reconcile });
  const nodeLoop = new Reconciler({
    ...common,
    name: `${context.name}-nodes`,
    reconcile: (name, signal) => report.write(name, signal),
  });
  const enqueuePod = (pod: V1Pod) => {
    for (const name of claimsOfPod(pod)) {
      const volume = claims.get(name, pod.metadata?.namespace)?.spec?.volumeName;
      if (volume) volumeLoop.add(volume);
    }
  };
  const enqueueVolumesOn = (node: string) => {
    for (const { spec } of attachments.byIndex(BY_NODE, node))
      if (spec.source.persistentVolumeName) volumeLoop.add(spec.source.persistentVolumeName);
  };

  return createController(context, {
    sources: [
      source(volumes, (volume) => {
        if (volume.spec?.csi) volumeLoop.add(keyOf(volume));
      }),
      source(claims, ({ spec }) => {
        if (spec?.volumeName) volumeLoop.add(spec.volumeName);
      }),
      source(pods, (pod, { type, previous }) => {
        const mattered = previous?.spec?.nodeName !== pod.spec?.nodeName || previous?.status?.phase !== pod.status?.phase;
        if (type !== 'updated' || mattered || pod.status?.phase === 'Failed') enqueuePod(pod);
      }),
      source(drivers, (driver) => {
        for (const volume of volumes.list()) if (volume.spec?.csi?.driver === keyOf(driver)) volumeLoop.add(keyOf(volume));
      }),
      source(attachments, (attachment, { type, previous }) => {
        const { nodeName, source: of } = attachment.spec;
        if (of.persistentVolumeName) volumeLoop.add(of.persistentVolumeName);
        tellOutcome(attachment, previous);
        nodeLoop.add(nodeName);
        if (type !== 'deleted') return;
        unwantedSince.delete(keyOf(attachment));
        report.forget(attachment);
        if (!nodes.get(nodeName) && attachments.byIndex(BY_NODE, nodeName).length === 0) inUse.delete(nodeName);
      }),
      source(nodes, (node, { type, previous }) => {
        const name = keyOf(node);
        if (type === 'deleted') {
          if (attachments.byIndex(BY_NODE, name).length === 0) inUse.delete(name);
          return;
        }
        inUse.set(name, new Set(node.status?.volumesInUse));
        enqueueVolumesOn(name);
        // Pods may have been placed before we knew the node.
        if (!previous) for (const pod of onNode(name)) enqueuePod(pod);
      }),
    ],
    loops: [volumeLoop, nodeLoop],
  });
}

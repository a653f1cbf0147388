/** Defaults of pods and of what contains their specs (pkg/apis/core/v1/defaults.go). All functions change their argument. */
import type { V1Pod, V1PodSpec, V1PodTemplateSpec, V1Volume } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { type AnyContainer, requestWhatIsLimited, setContainerDefaults } from './container-defaults.ts';
import { setPersistentVolumeClaimSpecDefaults } from './storage-defaults.ts';

/** 0644 */
const DEFAULT_MODE = 420;

function setVolumeDefaults(volume: V1Volume): void {
  const { name: _, ...sources } = volume;
  if (!Object.keys(sources).length) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= '';
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected])
    if (source) source.defaultMode ??= DEFAULT_MODE;
  for (const { fieldRef } of volume.downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1';
  for (const { serviceAccountToken, downwardAPI } of volume.projected?.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= 3600;
    for (const { fieldRef } of downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ||= 'v1';
  }
  if (volume.ephemeral?.volumeClaimTemplate) setPersistentVolumeClaimSpecDefaults(volume.ephemeral.volumeClaimTemplate.spec);
}

function containersOf(spec: V1PodSpec): AnyContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

function setPodSpecDefaults(spec: V1PodSpec): void {
  for (const container of containersOf(spec)) setContainerDefaults(container);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // The account's old name and its new one say the same.
  if (spec.serviceAccountName || spec.serviceAccount) {
    spec.serviceAccountName ||= spec.serviceAccount;
    spec.serviceAccount = spec.serviceAccountName;
  }
  if (spec.hostNetwork)
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])])
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

export function setPodTemplateDefaults(template: V1PodTemplateSpec | undefined): void {
  if (template?.spec) setPodSpecDefaults(template.spec);
}

export function setPodDefaults(object: DynamicObject): void {
  const { spec } = object as V1Pod;
  if (!spec) return;
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) requestWhatIsLimited(container);
}

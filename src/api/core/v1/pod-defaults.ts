/** Defaults of pods and of what contains their specs (pkg/apis/core/v1/defaults.go). All functions change their argument. */
import type { V1Container, V1Pod, V1PodSpec, V1PodTemplateSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { setContainerDefaults } from './container-defaults.ts';
import { requestWhatIsLimited, roundAmounts, roundResources, setPodLevelDefaults } from './resource-defaults.ts';
import { setVolumeDefaults } from './volume-defaults.ts';

function setPodSpecDefaults(spec: V1PodSpec): void {
  for (const container of spec.initContainers ?? []) setContainerDefaults(container);
  for (const container of spec.containers) setContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) setContainerDefaults(container);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  if (spec.resources) roundResources(spec.resources);
  roundAmounts(spec.overhead);
  // The account's old name and its new one say the same.
  if (spec.serviceAccountName || spec.serviceAccount) {
    spec.serviceAccountName ||= spec.serviceAccount;
    spec.serviceAccount = spec.serviceAccountName;
  }
}

/** A template that is there has metadata and a spec, which in Go are part of it. */
export function setPodTemplateDefaults(template: V1PodTemplateSpec | undefined): void {
  if (!template) return;
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  setPodSpecDefaults(template.spec);
}

/** Pods only: in templates the ports are left to the pods. */
function shareHostPorts(containers: readonly V1Container[]): void {
  for (const { ports } of containers) for (const port of ports ?? []) port.hostPort ||= port.containerPort;
}

export function setPodDefaults(object: DynamicObject): void {
  const { spec } = object as V1Pod;
  if (!spec) return;
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of spec.containers) requestWhatIsLimited(container);
  for (const container of spec.initContainers ?? []) requestWhatIsLimited(container);
  setPodLevelDefaults(spec);
  if (spec.hostNetwork) {
    shareHostPorts(spec.containers);
    shareHostPorts(spec.initContainers ?? []);
  }
}

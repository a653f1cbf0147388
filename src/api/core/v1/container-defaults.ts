/** Defaults of containers (pkg/apis/core/v1/defaults.go). All functions change their argument. */
import type { V1Container, V1EphemeralContainer, V1HTTPGetAction, V1LifecycleHandler, V1Probe } from '../../gen/types.ts';
import { defaultPullPolicy } from './image-defaults.ts';
import { roundResources } from './resource-defaults.ts';

export type AnyContainer = V1Container | V1EphemeralContainer;

function setHttpGetDefaults(httpGet: V1HTTPGetAction | undefined): void {
  if (!httpGet) return;
  httpGet.path ||= '/';
  httpGet.scheme ||= 'HTTP';
}

function setProbeDefaults(probe: V1Probe | undefined): void {
  if (!probe) return;
  setHttpGetDefaults(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
}

export function setContainerDefaults(container: AnyContainer): void {
  if (!container.imagePullPolicy) container.imagePullPolicy = defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  roundResources(container.resources);
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= '0';
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  const handlers: (V1LifecycleHandler | undefined)[] = [container.lifecycle?.postStart, container.lifecycle?.preStop];
  for (const handler of handlers) setHttpGetDefaults(handler?.httpGet);
}

/** Defaults of containers (pkg/apis/core/v1/defaults.go). All functions change their argument. */
import type { V1Container, V1EphemeralContainer, V1HTTPGetAction, V1LifecycleHandler, V1Probe } from '../../gen/types.ts';

export type AnyContainer = V1Container | V1EphemeralContainer;

/** Images are pulled again and again only when their tag says that it moves. */
function defaultPullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

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
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const { valueFrom } of container.env ?? []) if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) setProbeDefaults(probe);
  const handlers: (V1LifecycleHandler | undefined)[] = [container.lifecycle?.postStart, container.lifecycle?.preStop];
  for (const handler of handlers) setHttpGetDefaults(handler?.httpGet);
}

/** What a container may use at most, it asks for unless it says otherwise. Pods only, not templates. */
export function requestWhatIsLimited(container: AnyContainer): void {
  const { resources } = container;
  if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests };
}

import type { V1LifecycleHandler, V1Probe } from '../../../api/gen/types.ts';
import { type Check, containersNamed, containersOf, namesWhere, plural, quoted, settersNamed, sorted } from './violation.ts';

/** The host's namespaces are not shared. */
export const hostNamespaces: Check = ({ spec }) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
  return shared.length ? { reason: 'host namespaces', detail: shared.map((field) => `${field}=true`).join(', ') } : undefined;
};

/** The host's files are not mounted. */
export const hostPathVolumes: Check = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  if (!names.length) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume', 'volumes')} ${quoted(names)}` };
};

/** The host's ports are not taken. */
export const hostPorts: Check = ({ spec }) => {
  const names = namesWhere(spec, ({ ports }) => ports?.some(({ hostPort }) => hostPort) ?? false);
  if (!names.length) return undefined;
  const ports = sorted(
    containersOf(spec).flatMap(({ ports = [] }) => ports.flatMap(({ hostPort }) => (hostPort ? [`${hostPort}`] : []))),
  );
  const use = plural(names.length, 'uses', 'use');
  return {
    reason: 'hostPort',
    detail: `${containersNamed(names)} ${use} ${plural(ports.length, 'hostPort', 'hostPorts')} ${ports.join(', ')}`,
  };
};

/** Probes and hooks ask the pod and no other host. */
export const hostProbesAndHostLifecycle: Check = ({ spec }) => {
  const hosts = new Map(
    containersOf(spec).map(({ name, livenessProbe, readinessProbe, startupProbe, lifecycle }) => [
      name,
      [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap(hostsOf),
    ]),
  );
  const names = sorted([...hosts].filter(([, found]) => found.length).map(([name]) => name));
  if (!names.length) return undefined;
  const found = sorted([...hosts.values()].flat());
  const what = plural(found.length, 'probe or lifecycle host', 'probe or lifecycle hosts');
  return {
    reason: 'probe or lifecycle host',
    detail: `${containersNamed(names)} ${plural(names.length, 'uses', 'use')} ${what} ${quoted(found)}`,
  };
};

function hostsOf(action: V1Probe | V1LifecycleHandler | undefined): string[] {
  return [action?.httpGet?.host, action?.tcpSocket?.host].flatMap((host) => host || []);
}

/** On Windows, nothing runs as a process of the host. */
export const windowsHostProcess: Check = ({ spec }) => {
  const names = namesWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
  const setters = settersNamed(spec.securityContext?.windowsOptions?.hostProcess === true, names);
  return setters
    ? { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` }
    : undefined;
};

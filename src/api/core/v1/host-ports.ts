import type { V1Pod } from '../../gen/types.ts';

export interface HostPort {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}

/** The host ports that a pod's containers ask for. */
export function hostPortsOf(pod: V1Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => ({ ip: port.hostIP || EVERY_ADDRESS, port: port.hostPort!, protocol: port.protocol || 'TCP' })),
  );
}

/** Whether a host port clashes with any of these. Asking takes no longer the more there are. */
export function clashesWith(ports: Iterable<HostPort>): (port: HostPort) => boolean {
  const placeOf = ({ protocol, port }: HostPort) => `${protocol}/${port}`;
  const taken = new Map<string, Set<string>>();
  for (const port of ports) {
    const ips = taken.get(placeOf(port)) ?? new Set();
    taken.set(placeOf(port), ips.add(port.ip));
  }
  return (port) => {
    const ips = taken.get(placeOf(port));
    return ips !== undefined && (port.ip === EVERY_ADDRESS || ips.has(EVERY_ADDRESS) || ips.has(port.ip));
  };
}

const EVERY_ADDRESS = '0.0.0.0';

/** Two host ports clash when protocol and port are equal and the addresses are, or one is every address. */
export function hostPortsClash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === EVERY_ADDRESS || b.ip === EVERY_ADDRESS);
}

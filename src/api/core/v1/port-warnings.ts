/** Ports that a pod names more than once (pkg/api/pod/warnings.go). */
import type { V1ContainerPort, V1PodSpec } from '../../gen/types.ts';
import { eachContainer } from './pod-containers.ts';

/** Of one port, compared with each other. */
const MOST_COMPARED = 50;
/** Of one pod: more than any answer has room for. */
const MOST_WARNINGS = 1000;

/** As Go prints the structure. */
const describe = ({ name = '', hostPort = 0, containerPort, protocol = '', hostIP = '' }: V1ContainerPort) =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;

export function portWarnings(spec: V1PodSpec, path: string): string[] {
  const warnings: string[] = [];
  const seen = new Map<string, { at: string; port: V1ContainerPort }[]>();
  eachContainer(spec, path, ({ ports }, container) => {
    ports?.forEach((port, i) => {
      const at = `${container}.ports[${i}]`;
      if (port.hostIP && !port.hostPort) warnings.push(`${at}: hostIP set without hostPort: ${describe(port)}`);
      const key = `${port.containerPort}/${port.protocol ?? ''}`;
      const others = seen.get(key);
      if (!others) {
        seen.set(key, [{ at, port }]);
        return;
      }
      for (const other of warnings.length < MOST_WARNINGS ? others : []) {
        const how = conflict(port, other.port);
        if (how) warnings.push(`${at}: ${how} port definition with ${other.at}`);
      }
      if (others.length < MOST_COMPARED) others.push({ at, port });
    });
  });
  return warnings;
}

function conflict(a: V1ContainerPort, b: V1ContainerPort): string | undefined {
  const [ipA, ipB] = [a.hostIP ?? '', b.hostIP ?? ''];
  const [portA, portB] = [a.hostPort ?? 0, b.hostPort ?? 0];
  if (ipA === ipB && portA === portB) return 'duplicate';
  if (portA === 0 || portB === 0) return 'overlapping';
  return portA === portB && (ipA === '') !== (ipB === '') ? 'dangerously ambiguous' : undefined;
}

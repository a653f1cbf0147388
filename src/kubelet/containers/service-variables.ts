import { isIPv6 } from 'node:net';
import type { V1Service } from '../../api/gen/types.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/**
 * The variables that tell a container of services (pkg/kubelet/envvars): `DB_SERVICE_HOST`, `DB_SERVICE_PORT` and what Docker's links
 * were. Services without an address of the cluster have none.
 */
export function serviceVariables(services: readonly V1Service[]): Variable[] {
  return services.filter(hasAddress).flatMap((service) => {
    const prefix = variableName(service.metadata?.name ?? '');
    const ip = service.spec?.clusterIP ?? '';
    const ports = service.spec?.ports ?? [];
    const variables: Variable[] = [{ name: `${prefix}_SERVICE_HOST`, value: ip }];
    if (ports[0]) variables.push({ name: `${prefix}_SERVICE_PORT`, value: String(ports[0].port) });
    for (const { name, port } of ports)
      if (name) variables.push({ name: `${prefix}_SERVICE_PORT_${variableName(name)}`, value: String(port) });
    for (const [index, { port, protocol: given }] of ports.entries()) {
      const protocol = given || 'TCP';
      const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      const url = `${protocol.toLowerCase()}://${isIPv6(ip) ? `[${ip}]` : ip}:${port}`;
      if (index === 0) variables.push({ name: `${prefix}_PORT`, value: url });
      variables.push(
        { name: link, value: url },
        { name: `${link}_PROTO`, value: protocol.toLowerCase() },
        { name: `${link}_PORT`, value: String(port) },
        { name: `${link}_ADDR`, value: ip },
      );
    }
    return variables;
  });
}

/**
 * The services that a pod is told of: those of its namespace when it wants them, and always the API server's, `default/kubernetes`,
 * which no other service of that name hides unless the pod wants its own namespace's.
 */
export function servicesForPod(
  services: readonly V1Service[],
  namespace: string,
  options: { readonly enableServiceLinks: boolean },
): V1Service[] {
  const byName = new Map<string, V1Service>();
  for (const service of services) {
    if (!hasAddress(service)) continue;
    const { name = '', namespace: own } = service.metadata ?? {};
    if (own === 'default' && name === 'kubernetes') {
      if (!byName.has(name)) byName.set(name, service);
    } else if (own === namespace && options.enableServiceLinks) byName.set(name, service);
  }
  return [...byName.values()].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
}

const hasAddress = ({ spec }: V1Service) => Boolean(spec?.clusterIP) && spec?.clusterIP !== 'None';

const variableName = (name: string) => name.toUpperCase().replaceAll('-', '_');

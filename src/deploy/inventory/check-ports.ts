import type { Inventory } from '../../api/config/v1/inventory.ts';

/** Those of components that an inventory cannot move, with what has them. */
const FIXED: ReadonlyMap<number, string> = new Map([
  [2379, 'etcd'],
  [2380, 'etcd'],
  [10248, 'the kubelet'],
  [10249, 'kube-proxy'],
  [10250, 'the kubelet'],
  [10256, 'kube-proxy'],
  [10257, 'the controller manager'],
  [10259, 'the scheduler'],
]);

/** No two services of a host may want one port, and none one that Services are given. */
export function checkPorts({ apiServer, endpoint, network }: Inventory): string[] {
  const own: (readonly [field: string, port: number])[] = [
    ['apiServer.port', apiServer.port],
    ...(endpoint.loadBalancer === 'haproxy' || endpoint.loadBalancer === 'muster'
      ? [['endpoint.port', endpoint.port] as const]
      : []),
  ];
  const mistakes = own.flatMap(([field, port]) => {
    const taken =
      FIXED.get(port) ?? (network.dns === 'muster' && (port === 53 || port === 9153) ? "the cluster's DNS" : undefined);
    return taken === undefined ? [] : [`${field}: ${port} is that of ${taken}`];
  });
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(network.nodePorts) ?? [];
  const within = [...FIXED.keys(), ...own.map(([, port]) => port)].filter(
    (port) => port >= Number(first) && port <= Number(last),
  );
  if (within.length > 0)
    mistakes.push(
      `network.nodePorts: ${network.nodePorts} has ports that components listen on: ${[...new Set(within)].sort((a, b) => a - b).join(', ')}`,
    );
  return mistakes;
}

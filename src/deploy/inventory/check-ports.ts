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

/** What hosts listen on besides those and the API servers, with what has them; some hosts have less. */
function chosenPorts({ network }: Inventory): [number, string][] {
  return [
    ...(network.dns === 'muster'
      ? ([
          [53, "the cluster's DNS"],
          [9153, "the cluster's DNS"],
        ] as [number, string][])
      : []),
    ...(network.plugin === 'flannel' && network.flannelBackend === 'vxlan' ? ([[8472, 'flannel']] as [number, string][]) : []),
    ...(['flannel', 'bridge'].includes(network.plugin) ? ([[10262, 'network-policy']] as [number, string][]) : []),
    ...(network.plugin === 'calico'
      ? ([
          [179, 'BIRD'],
          [9091, 'calico-node'],
        ] as [number, string][])
      : []),
  ];
}

/** Those that the inventory gives, by their fields. */
function givenPorts({ apiServer, endpoint }: Inventory): (readonly [field: string, port: number])[] {
  const isOurs = endpoint.loadBalancer === 'haproxy' || endpoint.loadBalancer === 'muster';
  return [['apiServer.port', apiServer.port], ...(isOurs ? [['endpoint.port', endpoint.port] as const] : [])];
}

/** All ports that something of the cluster listens on, on one host or another, in order. */
export function listeningPorts(inventory: Inventory): number[] {
  const ports = [
    ...FIXED.keys(),
    ...chosenPorts(inventory).map(([port]) => port),
    ...givenPorts(inventory).map(([, port]) => port),
  ];
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** No two services of a host may want one port, and none one that Services are given. */
export function checkPorts(inventory: Inventory): string[] {
  const { nodePorts } = inventory.network;
  const others = new Map([...FIXED, ...chosenPorts(inventory)]);
  const mistakes = givenPorts(inventory).flatMap(([field, port]) => {
    const taken = others.get(port);
    return taken === undefined ? [] : [`${field}: ${port} is that of ${taken}`];
  });
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(nodePorts) ?? [];
  const within = listeningPorts(inventory).filter((port) => port >= Number(first) && port <= Number(last));
  if (within.length > 0)
    mistakes.push(`network.nodePorts: ${nodePorts} has ports that components listen on: ${within.join(', ')}`);
  return mistakes;
}

import { type HostPort, hostPortsClash, hostPortsOf } from '../../../api/core/v1/host-ports.ts';
import { selectsNode } from '../../../api/core/v1/node-selection.ts';
import { podRequests } from '../../../api/core/v1/pod-resource-usage.ts';
import { untoleratedTaint } from '../../../api/core/v1/taint-toleration.ts';
import type { V1Node, V1Pod } from '../../../api/gen/types.ts';
import { parseQuantity, quantityMilliValue, quantityValue } from '../../../api/machinery/quantity.ts';
import { mayBeDevices } from '../../../api/resource/v1/extended-resources.ts';

/** A resource of which the node has too little left. Whole units; cpu in thousandths. */
export interface Shortage {
  readonly resource: string;
  readonly requested: bigint;
  readonly used: bigint;
  readonly capacity: bigint;
}

export interface Unfitness {
  readonly shortages: readonly Shortage[];
  /** Names of upstream's predicates that failed, with what they say. */
  readonly predicates: readonly { readonly name: string; readonly reason: string }[];
}

type Amounts = ReadonlyMap<string, bigint>;

/** A pod's requests in the units of a `Shortage`. */
export function requestsOf(pod: V1Pod): Amounts {
  const requests = podRequests(pod, { fromStatus: true });
  return new Map(
    [...requests].map(([name, quantity]) => [name, name === 'cpu' ? quantityMilliValue(quantity) : quantityValue(quantity)]),
  );
}

function allocatableOf(node: V1Node): Amounts {
  const list = node.status?.allocatable ?? node.status?.capacity ?? {};
  return new Map(
    Object.entries(list).map(([name, text]) => {
      const quantity = parseQuantity(String(text));
      return [name, name === 'cpu' ? quantityMilliValue(quantity) : quantityValue(quantity)];
    }),
  );
}

/**
 * Why a pod cannot be here beside `others`, as the kubelet checks once more what the scheduler has decided (upstream's
 * pkg/kubelet/lifecycle/predicate.go). Extended resources that the node has none of are nobody's to check: there may be devices for them.
 *
 * @param isStatic static pods are here whatever taints the node has
 */
export function unfitnessOf(pod: V1Pod, node: V1Node, others: readonly V1Pod[], isStatic: boolean): Unfitness {
  const shortages: Shortage[] = [];
  const allocatable = allocatableOf(node);
  const mostPods = allocatable.get('pods') ?? 0n;
  const present = BigInt(others.length);
  if (present + 1n > mostPods) shortages.push({ resource: 'pods', requested: 1n, used: present, capacity: mostPods });
  const used = new Map<string, bigint>();
  for (const other of others) for (const [name, amount] of requestsOf(other)) used.set(name, (used.get(name) ?? 0n) + amount);
  for (const [resource, requested] of requestsOf(pod)) {
    const capacity = allocatable.get(resource) ?? 0n;
    if (requested === 0n || (capacity === 0n && mayBeDevices(resource))) continue;
    const taken = used.get(resource) ?? 0n;
    if (requested > capacity - taken) shortages.push({ resource, requested, used: taken, capacity });
  }
  const predicates: { name: string; reason: string }[] = [];
  const failed = (name: string, reason: string) => predicates.push({ name, reason });
  if (!selectsNode(pod, node)) failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (pod.spec?.nodeName && pod.spec.nodeName !== node.metadata?.name)
    failed('NodeName', "node(s) didn't match the requested node name");
  if (portsClash(hostPortsOf(pod), others)) failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (!isStatic && untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, new Set(['NoExecute'])))
    failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return { shortages, predicates };
}

/** By number first: pods may name tens of thousands of ports. */
function portsClash(wanted: readonly HostPort[], others: readonly V1Pod[]): boolean {
  if (wanted.length === 0) return false;
  const taken = Map.groupBy(others.flatMap(hostPortsOf), ({ port }) => port);
  return wanted.some((port) => taken.get(port.port)?.some((other) => hostPortsClash(port, other)));
}

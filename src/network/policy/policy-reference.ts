/** For tests: what NetworkPolicies mean, by their definition and without any plan. Slow. */
import ipaddr from 'ipaddr.js';
import type { V1Namespace, V1NetworkPolicy, V1NetworkPolicyPeer, V1NetworkPolicyPort, V1Pod } from '../../api/gen/types.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';

export interface Connection {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PolicyWorld {
  readonly policies: readonly V1NetworkPolicy[];
  readonly pods: readonly V1Pod[];
  readonly namespaces: readonly V1Namespace[];
}

/** Whether a new connection is allowed, by both ends. */
export function isAllowed(world: PolicyWorld, connection: Connection): boolean {
  const { from, to } = connection;
  if (from === to) return true;
  const sender = podAt(world, from);
  const receiver = podAt(world, to);
  const egress = sender && policiesFor(world, sender, 'Egress');
  const ingress = receiver && policiesFor(world, receiver, 'Ingress');
  const may = (policies: readonly V1NetworkPolicy[] | undefined, side: 'Egress' | 'Ingress') =>
    !policies?.length ||
    policies.some((policy) =>
      side === 'Egress'
        ? policy.spec?.egress?.some((rule) => allows(world, policy, { peers: rule.to, ports: rule.ports, peer: to, connection }))
        : policy.spec?.ingress?.some((rule) =>
            allows(world, policy, { peers: rule.from, ports: rule.ports, peer: from, connection }),
          ),
    );
  return may(egress, 'Egress') && may(ingress, 'Ingress');
}

const podAt = ({ pods }: PolicyWorld, address: string) =>
  pods.find(
    ({ spec, status }) =>
      !spec?.hostNetwork &&
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed' &&
      status?.podIPs?.some(({ ip }) => ip === address),
  );

function policiesFor({ policies }: PolicyWorld, pod: V1Pod, type: string): V1NetworkPolicy[] {
  return policies.filter(({ metadata, spec }) => {
    if (metadata?.namespace !== pod.metadata?.namespace) return false;
    if (!selectorFromLabelSelector(spec?.podSelector ?? {}).matches(pod.metadata?.labels)) return false;
    const types = spec?.policyTypes?.length ? spec.policyTypes : spec?.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    return types.includes(type);
  });
}

interface Side {
  readonly peers: readonly V1NetworkPolicyPeer[] | undefined;
  readonly ports: readonly V1NetworkPolicyPort[] | undefined;
  readonly peer: string;
  readonly connection: Connection;
}

function allows(world: PolicyWorld, policy: V1NetworkPolicy, { peers, ports, peer, connection }: Side): boolean {
  return (
    (!peers?.length || peers.some((one) => isPeer(world, policy, one, peer))) &&
    (!ports?.length || ports.some((port) => isPort(world, port, connection)))
  );
}

function isPeer(world: PolicyWorld, policy: V1NetworkPolicy, peer: V1NetworkPolicyPeer, address: string): boolean {
  if (peer.ipBlock) {
    const isIn = (cidr: string) => {
      const [range, length] = ipaddr.parseCIDR(cidr);
      const parsed = ipaddr.parse(address);
      return parsed.kind() === range.kind() && parsed.match(range, length);
    };
    return isIn(peer.ipBlock.cidr) && !peer.ipBlock.except?.some(isIn);
  }
  const pod = podAt(world, address);
  if (!pod) return false;
  const namespace = world.namespaces.find(({ metadata }) => metadata?.name === pod.metadata?.namespace);
  const inNamespace = peer.namespaceSelector
    ? namespace !== undefined && selectorFromLabelSelector(peer.namespaceSelector).matches(namespace.metadata?.labels)
    : pod.metadata?.namespace === policy.metadata?.namespace;
  return inNamespace && selectorFromLabelSelector(peer.podSelector ?? {}).matches(pod.metadata?.labels);
}

function isPort(world: PolicyWorld, { port, endPort, protocol = 'TCP' }: V1NetworkPolicyPort, connection: Connection): boolean {
  if (protocol !== connection.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return connection.port >= port && connection.port <= (endPort ?? port);
  const ports = podAt(world, connection.to)?.spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  return ports.some((one) => one.name === port && (one.protocol ?? 'TCP') === protocol && one.containerPort === connection.port);
}

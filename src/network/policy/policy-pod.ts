import type { V1Pod } from '../../api/gen/types.ts';
import { type Family, formatIp, parseIp } from '../../api/machinery/ip.ts';
import type { Protocol } from './port-ranges.ts';

export interface PodAddress {
  readonly family: Family;
  /** As Go prints it. */
  readonly address: string;
}

export interface NamedPort {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
}

/** What a policy asks of a pod. */
export interface PolicyPod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeName: string;
  /** Empty while its sandbox is being made. */
  readonly addresses: readonly PodAddress[];
  readonly namedPorts: readonly NamedPort[];
}

const ENDED = new Set(['Succeeded', 'Failed']);

/**
 * Undefined for pods that policies do not concern: those in the node's own network, whose addresses are the node's, and those that
 * have ended, whose addresses may be another's by now.
 */
export function policyPod({ metadata, spec, status }: V1Pod): PolicyPod | undefined {
  if (spec?.hostNetwork || ENDED.has(status?.phase ?? '')) return undefined;
  const texts = status?.podIPs?.map(({ ip }) => ip) ?? [];
  if (texts.length === 0 && status?.podIP) texts.push(status.podIP);
  return {
    namespace: metadata?.namespace ?? '',
    labels: metadata?.labels ?? {},
    nodeName: spec?.nodeName ?? '',
    addresses: texts.flatMap((text) => {
      const parsed = parseIp(text);
      return parsed ? [{ family: parsed.family, address: formatIp(parsed) }] : [];
    }),
    namedPorts: containersOf(spec).flatMap(({ ports = [] }) =>
      ports.flatMap(({ name, protocol, containerPort }) =>
        name ? [{ name, protocol: (protocol ?? 'TCP') as Protocol, port: containerPort }] : [],
      ),
    ),
  };
}

/** Those that run for as long as the pod does. */
const containersOf = (spec: V1Pod['spec']) => [
  ...(spec?.containers ?? []),
  ...(spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
];

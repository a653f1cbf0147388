import type { V1NetworkPolicyPort } from '../../api/gen/types.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

const PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The ports of one protocol that a rule allows. */
export interface ProtocolPorts {
  readonly protocol: Protocol;
  /** `any`: whatever has the protocol. */
  readonly numbers: 'any' | readonly PortRange[];
  /** Names of ports of the pod that is spoken to. */
  readonly names: readonly string[];
}

/** Any when a rule lists none; else protocol by protocol. */
export function portsOfRule(ports: readonly V1NetworkPolicyPort[] | undefined): 'any' | ProtocolPorts[] {
  if (!ports?.length) return 'any';
  return PROTOCOLS.flatMap((protocol) => {
    const own = ports.filter((port) => (port.protocol ?? 'TCP') === protocol);
    if (own.length === 0) return [];
    const names = own.flatMap(({ port }) => (typeof port === 'string' ? port : []));
    if (own.some(({ port }) => port === undefined || port === null)) return { protocol, numbers: 'any' as const, names: [] };
    const numbers = own.flatMap(({ port, endPort }) =>
      typeof port === 'number' ? { first: port, last: Math.max(port, endPort ?? port) } : [],
    );
    return { protocol, numbers: unionPorts(numbers), names: [...new Set(names)].sort() };
  });
}

/** The packet filter takes no ranges that overlap. */
function unionPorts(ranges: readonly PortRange[]): PortRange[] {
  const union: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = union.at(-1);
    if (!before || range.first > before.last + 1) union.push(range);
    else if (range.last > before.last) union[union.length - 1] = { first: before.first, last: range.last };
  }
  return union;
}

export const formatPorts = ({ first, last }: PortRange): string => (first === last ? `${first}` : `${first}-${last}`);

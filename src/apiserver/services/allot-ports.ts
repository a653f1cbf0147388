import { serviceKind } from '../../api/core/v1/service.ts';
import { needsHealthCheckPort, needsNodePorts, nodePortsOf } from '../../api/core/v1/service-needs.ts';
import type { V1ServiceSpec } from '../../api/gen/types.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import { internalError, invalid } from '../../api/machinery/status-error.ts';
import type { PortRange } from './port-range.ts';
import type { Taking } from './taking.ts';

/** The cluster's range of ports and what the write takes of it. */
export interface PortTaking {
  readonly range: PortRange;
  readonly taking: Taking;
}

interface NamedSpec {
  readonly name: string;
  readonly spec: V1ServiceSpec;
}

/**
 * Gives a Service the ports on nodes that its type calls for, in place; ones that it names are taken, others picked.
 *
 * @throws StatusError 422 for a port that is not to be had, 500 when the range is full, as upstream
 */
export function allotPorts(service: NamedSpec, before: V1ServiceSpec | undefined, source: PortTaking): void {
  const { spec } = service;
  const isChecked = needsHealthCheckPort(spec) && !(before && needsHealthCheckPort(before));
  const isChosen = Boolean(spec.healthCheckNodePort);
  // A port that is named is taken before any is picked, which could be the same.
  if (isChecked && isChosen) allotHealthCheck(spec, source);
  if (needsNodePorts(spec)) before ? allotChanged(service, before, source) : allotNew(service, source);
  if (isChecked && !isChosen) allotHealthCheck(spec, source);
}

/** One port for TCP and UDP of the same service port, since DNS servers and the like want it so. */
function allotNew(service: NamedSpec, source: PortTaking): void {
  const { spec } = service;
  const given = new Map<number, number>();
  // Of several that were chosen for one port the first one counts.
  const named = new Map(
    spec.ports
      ?.filter(({ nodePort }) => nodePort)
      .toReversed()
      .map((each) => [each.port, each.nodePort]),
  );
  spec.ports?.forEach((port, i) => {
    if (!port.nodePort && !picksPorts(spec)) return;
    const known = given.get(port.port);
    if (known === undefined) {
      const chosen = named.get(port.port);
      port.nodePort = chosen ? takeChosen(source, chosen, i, service.name) : takeAny(source);
      given.set(port.port, port.nodePort);
    } else if (!port.nodePort) port.nodePort = known;
    else if (port.nodePort !== known) takeChosen(source, port.nodePort, i, service.name);
  });
}

function allotChanged({ name, spec }: NamedSpec, before: V1ServiceSpec, source: PortTaking): void {
  const held = needsNodePorts(before) ? nodePortsOf(before) : new Set<number>();
  const taken = new Set<number>();
  spec.ports?.forEach((port, i) => {
    if (!port.nodePort) {
      if (picksPorts(spec)) port.nodePort = takeAny(source);
    } else if (!held.has(port.nodePort) && !taken.has(port.nodePort)) taken.add(takeChosen(source, port.nodePort, i, name));
  });
}

function allotHealthCheck(spec: V1ServiceSpec, source: PortTaking): void {
  const chosen = spec.healthCheckNodePort;
  if (chosen) {
    const problem = problemWith(source, chosen);
    if (problem) throw internalError(`failed to allocate requested HealthCheck NodePort ${chosen}: ${problem}`);
    return;
  }
  const offset = source.taking.next();
  if (offset === undefined) throw internalError('failed to allocate a HealthCheck NodePort 0: range is full');
  spec.healthCheckNodePort = source.range.at(offset);
}

/** Load balancers that reach pods by themselves may do without. */
const picksPorts = ({ type, allocateLoadBalancerNodePorts }: V1ServiceSpec) =>
  type === 'NodePort' || allocateLoadBalancerNodePorts !== false;

/** Takes the port; says why it is not to be had. */
function problemWith({ range, taking }: PortTaking, port: number): string | undefined {
  const offset = range.offsetOf(port);
  if (offset === undefined) return `provided port is not in the valid range. The range of valid ports is ${range.text}`;
  return taking.take(offset) ? undefined : 'provided port is already allocated';
}

function takeChosen(source: PortTaking, port: number, index: number, name: string): number {
  const problem = problemWith(source, port);
  if (problem) throw invalid(serviceKind, name, [invalidField(`spec.ports[${index}].nodePort`, port, problem)]);
  return port;
}

function takeAny({ range, taking }: PortTaking): number {
  const offset = taking.next();
  if (offset === undefined) throw internalError('failed to allocate a nodePort: range is full');
  return range.at(offset);
}

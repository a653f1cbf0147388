import { serviceKind } from '../../api/core/v1/service.ts';
import { clusterIpsOf, isHeadless, needsClusterIp } from '../../api/core/v1/service-needs.ts';
import type { V1ServiceSpec } from '../../api/gen/types.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import { internalError, invalid } from '../../api/machinery/status-error.ts';
import type { AddressRange } from './address-range.ts';
import { staysPreferDualStack } from './ip-families.ts';
import type { Taking } from './taking.ts';

/** One of the cluster's ranges and what the write takes of it. */
export interface AddressTaking {
  readonly range: AddressRange;
  readonly taking: Taking;
}

/**
 * Gives a Service the addresses that its families call for, in place; ones that it names are taken, others picked.
 *
 * @throws StatusError 422 for an address that is not to be had, 500 when a range is full, as upstream
 */
export function allotAddresses(
  { name, spec }: { readonly name: string; readonly spec: V1ServiceSpec },
  before: V1ServiceSpec | undefined,
  ranges: readonly AddressTaking[],
): void {
  const from = firstMissing(spec, before);
  if (from === undefined) return;
  const families = spec.ipFamilies ?? [];
  const ips = [...(spec.clusterIPs ?? [])];
  for (let i = from; i < families.length; i++) {
    const sources = ranges.filter(({ range }) => range.family === families[i]); // settleIpFamilies refuses those that have none
    ips[i] = ips[i] ? takeChosen(sources, ips[i]!, name, spec) : takeAny(sources);
  }
  spec.clusterIPs = ips;
  if (ips.length) spec.clusterIP = ips[0]!;
}

/** From which place on addresses are to be given: all, the second one, or undefined for none. */
function firstMissing(spec: V1ServiceSpec, before: V1ServiceSpec | undefined): 0 | 1 | undefined {
  if (!needsClusterIp(spec) || isHeadless(spec) || staysPreferDualStack(spec, before)) return undefined;
  if (!before || !needsClusterIp(before) || clusterIpsOf(before).length === 0) return 0;
  if (isHeadless(before)) return undefined;
  return before.ipFamilies?.length === 1 && spec.ipFamilies?.length === 2 ? 1 : undefined;
}

/** Where ranges overlap, an address is taken of all that have it. */
function takeChosen(sources: readonly AddressTaking[], ip: string, name: string, spec: V1ServiceSpec): string {
  const refuse = (why: string) =>
    invalid(serviceKind, name, [invalidField('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${ip}: ${why}`)]);
  const holders = sources.filter(({ range }) => range.offsetOf(ip) !== undefined);
  if (!holders.length)
    throw refuse(
      `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${sources.map(({ range }) => range.text).join(', ')}`,
    );
  for (const { range, taking } of holders)
    if (!taking.take(range.offsetOf(ip)!)) throw refuse('provided IP is already allocated');
  return ip;
}

function takeAny(sources: readonly AddressTaking[]): string {
  for (const { range, taking } of sources) {
    const offset = taking.next();
    if (offset !== undefined) return range.at(offset);
  }
  throw internalError('failed to allocate a serviceIP: range is full');
}

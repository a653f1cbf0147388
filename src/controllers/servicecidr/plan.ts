import type { V1Condition, V1IPAddress, V1ServiceCIDR } from '../../api/gen/types.ts';
import { formatCidr, type IpRange, isStrictPart, parseCidr, parseIp } from '../../api/machinery/ip.ts';

const rangesOf = ({ spec }: V1ServiceCIDR): IpRange[] =>
  (spec?.cidrs ?? []).map((cidr) => parseCidr(cidr)).filter((range) => range !== undefined);

const contains = (outer: IpRange, inner: IpRange): boolean =>
  isStrictPart(inner, outer) || formatCidr(inner) === formatCidr(outer);

/**
 * Whether a ServiceCIDR may go: every address in use that is of it is of another one too.
 *
 * @param others all ServiceCIDRs; those that are being deleted keep nothing
 */
export function mayGo(cidr: V1ServiceCIDR, others: readonly V1ServiceCIDR[], addresses: readonly V1IPAddress[]): boolean {
  const kept = others
    .filter(({ metadata }) => metadata?.name !== cidr.metadata?.name && !metadata?.deletionTimestamp)
    .flatMap(rangesOf);
  const lone = rangesOf(cidr).filter((range) => !kept.some((outer) => contains(outer, range)));
  if (lone.length === 0) return true;
  return !addresses.some(({ metadata }) => {
    const ip = parseIp(metadata?.name ?? '');
    if (!ip) return false;
    const one: IpRange = { address: ip, length: ip.bytes.length * 8, leadingZeros: false };
    return lone.some((range) => contains(range, one)) && !kept.some((outer) => contains(outer, one));
  });
}

const READY = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const ORPHANS = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

/** The conditions that a ServiceCIDR is to have; undefined when it says so already. */
export function planConditions(cidr: V1ServiceCIDR, isReady: boolean, now: string): V1Condition[] | undefined {
  const wanted = isReady ? READY : ORPHANS;
  const { conditions = [] } = cidr.status ?? {};
  const before = conditions.find(({ type }) => type === 'Ready');
  if (before?.status === wanted.status && before.reason === wanted.reason) return undefined;
  return [...conditions.filter(({ type }) => type !== 'Ready'), { ...wanted, lastTransitionTime: now }];
}

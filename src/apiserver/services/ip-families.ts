import { validateClusterIps } from '../../api/core/v1/service-cluster-ips.ts';
import { isHeadless, needsClusterIp, sameList } from '../../api/core/v1/service-needs.ts';
import type { V1ServiceSpec } from '../../api/gen/types.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { familyOf, type IpFamily } from './address-range.ts';

const POLICY = 'spec.ipFamilyPolicy';
const otherFamily = (family: string): IpFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4');

/**
 * Decides `ipFamilyPolicy` and `ipFamilies`, in place, by what was asked for, what was there and what the cluster has
 * (registry/core/service/storage/alloc.go, initIPFamilyFields).
 *
 * @param configured the cluster's families, the default one first
 */
export function settleIpFamilies(
  spec: V1ServiceSpec,
  before: V1ServiceSpec | undefined,
  configured: readonly IpFamily[],
): FieldError[] {
  if (!needsClusterIp(spec) || staysPreferDualStack(spec, before)) return [];
  const bare = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ||= before?.ipFamilyPolicy ?? (bare ? 'RequireDualStack' : 'SingleStack');
  const malformed = validateClusterIps(spec);
  if (malformed.length) return malformed;

  const errors = [...(before ? followPolicy(spec, before) : []), ...checkSingleStack(spec), ...inferFamilies(spec, configured)];
  if (errors.length) return errors;
  spec.ipFamilies ??= [];
  const families = spec.ipFamilies;
  const dual = spec.ipFamilyPolicy !== 'SingleStack';
  if (bare) {
    // Endpoints may be of a family that the cluster's services are not.
    if (families.length === 0) families.push(configured[0]!);
    if (families.length === 1 && dual) families.push(otherFamily(families[0]!));
    return [];
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2)
    errors.push(invalidField(POLICY, spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  families.forEach((family, i) => {
    if (!configured.some((known) => known === family))
      errors.push(invalidField(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  });
  if (errors.length) return errors;
  if (families.length === 0) families.push(configured[0]!);
  if (dual && families.length === 1 && configured.length === 2) families.push(otherFamily(families[0]!));
  return [];
}

/** A Service that takes two addresses where it can is not changed because the cluster now has another number of them. */
export function staysPreferDualStack(spec: V1ServiceSpec, before: V1ServiceSpec | undefined): boolean {
  return (
    before !== undefined &&
    before.type === spec.type &&
    needsClusterIp(spec) &&
    spec.ipFamilyPolicy === 'PreferDualStack' &&
    (before.ipFamilyPolicy ?? 'PreferDualStack') === 'PreferDualStack' &&
    sameList(spec.clusterIPs, before.clusterIPs) &&
    sameList(spec.ipFamilies, before.ipFamilies)
  );
}

/** Becoming single-stack drops the second of each; fewer of them without saying so is a mistake. */
function followPolicy(spec: V1ServiceSpec, before: V1ServiceSpec): FieldError[] {
  const [ips, families] = [spec.clusterIPs ?? [], spec.ipFamilies ?? []];
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (ips.length > 1 && sameList(ips, before.clusterIPs)) spec.clusterIPs = ips.slice(0, 1);
    if (families.length > 1 && sameList(families, before.ipFamilies)) spec.ipFamilies = families.slice(0, 1);
    return [];
  }
  const errors: FieldError[] = [];
  const fewer = (now: readonly string[], then: readonly string[] = []) => now.length > 0 && now.length < then.length;
  if (fewer(ips, before.clusterIPs))
    errors.push(invalidField(POLICY, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP"));
  if (fewer(families, before.ipFamilies))
    errors.push(invalidField(POLICY, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family"));
  return errors;
}

function checkSingleStack({ ipFamilyPolicy, clusterIPs, ipFamilies }: V1ServiceSpec): FieldError[] {
  if (ipFamilyPolicy !== 'SingleStack') return [];
  const refuse = (what: string) =>
    invalidField(POLICY, ipFamilyPolicy, `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`);
  return [
    ...(clusterIPs?.length === 2 ? [refuse('cluster IPs')] : []),
    ...(ipFamilies?.length === 2 ? [refuse('IP families')] : []),
  ];
}

/** Chosen addresses say which families are meant. */
function inferFamilies(spec: V1ServiceSpec, configured: readonly IpFamily[]): FieldError[] {
  if (isHeadless(spec)) return [];
  const errors: FieldError[] = [];
  spec.ipFamilies ??= [];
  const families = spec.ipFamilies;
  const given = families.length;
  spec.clusterIPs?.forEach((ip, i) => {
    if (i < given) return;
    const family = familyOf(ip)!;
    if (configured.includes(family)) families.push(family);
    else errors.push(invalidField(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
  });
  return errors;
}

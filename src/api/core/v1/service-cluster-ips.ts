import { isIP } from 'node:net';
import type { V1ServiceSpec } from '../../gen/types.ts';
import { addErrors, duplicateField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkIp } from '../../machinery/ip.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { HEADLESS, isHeadless, needsClusterIp } from './service-needs.ts';

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const IPS = 'spec.clusterIPs';

export { NOT_AN_IP } from '../../machinery/ip.ts';

const NOT_CHANGED = 'may not change once set';

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy by themselves and together, of a Service that may have an address. */
export function validateClusterIps(spec: V1ServiceSpec, stored: readonly string[] = []): FieldError[] {
  if (!needsClusterIp(spec)) return [];
  const { clusterIP, clusterIPs: ips = [], ipFamilies: families = [], ipFamilyPolicy } = spec;
  const errors: FieldError[] = [];
  if (!clusterIP) {
    if (ips.length) errors.push(invalidField(IPS, ips, 'must be empty when `clusterIP` is not specified'));
  } else if (ips.length === 0) errors.push(requiredField(IPS));
  else if (ips[0] !== clusterIP) errors.push(invalidField(IPS, ips, 'first value must match `clusterIP`'));
  const seen = new Set<string>();
  families.forEach((family, i) => {
    if (!FAMILIES.includes(family)) errors.push(notSupportedField(`spec.ipFamilies[${i}]`, family, FAMILIES));
    if (seen.has(family)) errors.push(duplicateField(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  });
  if (ipFamilyPolicy !== undefined && !POLICIES.includes(ipFamilyPolicy))
    errors.push(notSupportedField('spec.ipFamilyPolicy', ipFamilyPolicy, POLICIES));
  const malformed = validateAddresses(ips, stored);
  addErrors(errors, malformed);
  if (ips.length > 2) errors.push(invalidField(IPS, ips, 'may only hold up to 2 values'));
  if (malformed.length) return errors;
  if (ips.length > 1 && new Set(ips.map(isIP)).size < 2)
    errors.push(invalidField(IPS, ips, 'may specify no more than one IP for each IP family'));
  if (!isHeadless(spec)) addErrors(errors, validateFamilies(ips, families));
  return errors;
}

function validateAddresses(ips: readonly string[], stored: readonly string[]): FieldError[] {
  return ips.flatMap((ip, i) => {
    if (i === 0 && ip === HEADLESS)
      return ips.length > 1 ? [invalidField(IPS, ips, "'None' must be the first and only value")] : [];
    return checkIp(`${IPS}[${i}]`, ip, stored);
  });
}

function validateFamilies(ips: readonly string[], families: readonly string[]): FieldError[] {
  return ips.slice(0, families.length).flatMap((ip, i) => {
    const wanted = families[i] === 'IPv4' ? 4 : 6;
    if (!FAMILIES.includes(families[i]!) || isIP(ip) === wanted) return [];
    return [invalidField(`${IPS}[${i}]`, ip, `expected an IPv${wanted} value as indicated by \`ipFamilies[${i}]\``)];
  });
}

/** The first address stays for the Service's life; a second one may come, and go with the policy SingleStack. */
export function validateClusterIpsUpdate(after: V1ServiceSpec, before: V1ServiceSpec): FieldError[] {
  if (!needsClusterIp(after) || !needsClusterIp(before)) return [];
  return [...validateAddressChange(after, before), ...validateFamilyChange(after, before)];
}

function validateAddressChange(after: V1ServiceSpec, before: V1ServiceSpec): FieldError[] {
  if (isHeadless(after) && isHeadless(before)) return [];
  const [now, then] = [after.clusterIPs ?? [], before.clusterIPs ?? []];
  if (now.length === then.length)
    return then.flatMap((ip, i) => (ip === now[i] ? [] : [invalidField(`${IPS}[${i}]`, now, NOT_CHANGED)]));
  const errors: FieldError[] = [];
  if (now.length === 0) errors.push(invalidField(`${IPS}[0]`, now, 'primary clusterIP can not be unset'));
  else if (then.length > 0 && now[0] !== then[0]) errors.push(invalidField(`${IPS}[0]`, now, NOT_CHANGED));
  if (now.length === 1 && then.length > 1 && after.ipFamilyPolicy !== 'SingleStack') errors.push(policyError(after, 'clusterIP'));
  return errors;
}

function validateFamilyChange(after: V1ServiceSpec, before: V1ServiceSpec): FieldError[] {
  if (isHeadless(after) || isHeadless(before)) return [];
  const [now, then] = [after.ipFamilies ?? [], before.ipFamilies ?? []];
  const field = 'spec.ipFamilies[0]';
  if (now.length === then.length)
    return then.flatMap((family, i) => (family === now[i] ? [] : [invalidField(field, now, NOT_CHANGED)]));
  const errors: FieldError[] = [];
  // It goes by the addresses here, and shows them.
  const ips = after.clusterIPs ?? [];
  if (now.length < then.length && ips.length === 0) errors.push(invalidField(field, now, 'primary ipFamily can not be unset'));
  if (now.length > 0 && then.length > 0 && now[0] !== then[0]) errors.push(invalidField(field, ips, NOT_CHANGED));
  if (now.length === 1 && then.length > 1 && after.ipFamilyPolicy !== 'SingleStack') errors.push(policyError(after, 'ipFamily'));
  return errors;
}

const policyError = ({ ipFamilyPolicy }: V1ServiceSpec, what: string) =>
  invalidField('spec.ipFamilyPolicy', ipFamilyPolicy, `must be set to 'SingleStack' when releasing the secondary ${what}`);

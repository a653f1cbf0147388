/** How a pod resolves names (core/validation validatePodDNSConfig, ValidateHostAliases). */
import type { V1HostAlias, V1PodSpec } from '../../gen/types.ts';
import { addErrors, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkIp } from '../../machinery/ip.ts';
import { checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const MOST_NAMESERVERS = 3;
const MOST_SEARCHES = 32;
const LONGEST_SEARCHES = 2048;

const LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const UNDERSCORED = `${LABEL}(\\.${LABEL})*`;
const isUnderscored = new RegExp(`^${UNDERSCORED}$`);

/** A search domain: like a subdomain, but with underscores, one of which may begin a label (as in _sip._tcp). */
function searchComplaints(search: string): string[] {
  const complaints: string[] = [];
  if (search.length > 253) complaints.push('must be no more than 253 characters');
  if (!isUnderscored.test(search))
    complaints.push(
      `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${UNDERSCORED}')`,
    );
  return complaints;
}

export function checkDnsPolicy(policy: string | undefined, field: string, errors: FieldError[]): void {
  if (!policy) errors.push(requiredField(field));
  else if (!POLICIES.includes(policy)) errors.push(notSupportedField(field, policy, POLICIES));
}

export function validateDnsConfig({ dnsConfig, dnsPolicy }: V1PodSpec, path: string, errors: FieldError[]): void {
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return void errors.push(requiredField(path, 'must provide `dnsConfig` when `dnsPolicy` is None'));
    if (!nameservers.length)
      return void errors.push(
        requiredField(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'),
      );
  }
  if (nameservers.length > MOST_NAMESERVERS)
    errors.push(invalidField(`${path}.nameservers`, nameservers, `must not have more than ${MOST_NAMESERVERS} nameservers`));
  nameservers.forEach((address, i) => {
    addErrors(errors, checkIp(`${path}.nameservers[${i}]`, address));
  });
  if (searches.length > MOST_SEARCHES)
    errors.push(invalidField(`${path}.searches`, searches, `must not have more than ${MOST_SEARCHES} search paths`));
  if (searches.join(' ').length > LONGEST_SEARCHES)
    errors.push(
      invalidField(
        `${path}.searches`,
        searches,
        `must not have more than ${LONGEST_SEARCHES} characters (including spaces) in the search list`,
      ),
    );
  searches.forEach((search, i) => {
    if (search === '.') return;
    const name = search.replace(/\.$/, '');
    for (const complaint of searchComplaints(name)) errors.push(invalidField(`${path}.searches[${i}]`, name, complaint));
  });
  options.forEach(({ name }, i) => {
    if (!name) errors.push(requiredField(`${path}.options[${i}]`, 'must not be empty'));
  });
}

export function validateHostAliases(aliases: readonly V1HostAlias[], path: string, errors: FieldError[]): void {
  aliases.forEach(({ ip, hostnames = [] }, i) => {
    addErrors(errors, checkIp(`${path}[${i}].ip`, ip));
    hostnames.forEach((hostname, h) => {
      for (const complaint of checkDnsSubdomain(hostname))
        errors.push(invalidField(`${path}[${i}].hostnames[${h}]`, hostname, complaint));
    });
  });
}

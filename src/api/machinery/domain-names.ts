/** Names with domains in them: hosts, CSI drivers, controllers (apimachinery/pkg/util/validation). */
import { checkField } from './field-checks.ts';
import { invalidField, requiredField, tooLongField } from './field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, type NameCheck } from './names.ts';
import type { FieldError } from './status-error.ts';

const WILDCARD = '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const isWildcard = new RegExp(`^${WILDCARD}$`);

/** `*.example.com` */
export const checkWildcardSubdomain: NameCheck = (value) => {
  const complaints: string[] = [];
  if (value.length > 253) complaints.push('must be no more than 253 characters');
  if (!isWildcard.test(value))
    complaints.push(
      `a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '${WILDCARD}')`,
    );
  return complaints;
};

/** At least two labels; a dot may stand at the end. */
export function checkDomain(field: string, value: string): FieldError[] {
  if (!value) return [requiredField(field)];
  const name = value.replace(/\.$/, '');
  const complaints = checkDnsSubdomain(name);
  if (complaints.length) return [invalidField(field, name, complaints.join(','))];
  const labels = name.split('.');
  if (labels.length < 2) return [invalidField(field, name, 'should be a domain with at least two segments separated by dots')];
  return labels.flatMap((label) => {
    const wrong = checkDnsLabel(label);
    return wrong.length ? [invalidField(field, label, wrong.join(','))] : [];
  });
}

const PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const isPath = new RegExp(`^${PATH}$`);

/** `example.com/controller` */
export function checkDomainPrefixedPath(field: string, value: string): FieldError[] {
  if (!value) return [requiredField(field)];
  const slash = value.indexOf('/');
  const [host, path] = slash < 0 ? ['', ''] : [value.slice(0, slash), value.slice(slash + 1)];
  if (!host || !path) return [invalidField(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = checkField(field, host, checkDnsSubdomain);
  if (!isPath.test(path)) errors.push(invalidField(field, path, `Invalid path (regex used for validation is '${PATH}')`));
  return errors;
}

const LONGEST_DRIVER = 63;

/** What CSI drivers, and drivers of devices, are called. */
export function checkDriverName(field: string, value: string): FieldError[] {
  if (!value) return [requiredField(field), ...checkDnsSubdomain('').map((complaint) => invalidField(field, '', complaint))];
  const errors = value.length > LONGEST_DRIVER ? [tooLongField(field, LONGEST_DRIVER)] : [];
  for (const complaint of checkDnsSubdomain(value.toLowerCase())) errors.push(invalidField(field, value, complaint));
  return errors;
}

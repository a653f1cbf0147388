import { invalidField, requiredField, tooLongField } from './field-error.ts';
import { checkDnsSubdomain } from './names.ts';
import type { FieldError } from './status-error.ts';

const LONGEST_DOMAIN = 253;
const LONGEST_PATH = 253 + 63 + 1;

/** A signer's name is `domain/path`, the domain having at least one dot. */
export function validateSignerName(signerName: string, path: string): FieldError[] {
  if (!signerName) return [requiredField(path)];
  const segments = signerName.split('/');
  if (segments.length !== 2)
    return [invalidField(path, signerName, 'must be a fully qualified domain and path of the form "example.com/signer-name"')];
  const [domain, name] = segments as [string, string];
  const errors: FieldError[] = [];
  for (const complaint of checkDnsSubdomain(domain))
    errors.push(invalidField(path, domain, `validating label "${domain}": ${complaint}`));
  if (!domain.includes('.') && domain !== '')
    errors.push(invalidField(path, domain, 'should be a domain with at least two segments separated by dots'));
  if (!name)
    errors.push(
      invalidField(
        path,
        name,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
      ),
    );
  else
    for (const label of name.split('.'))
      if (!/^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(label)) {
        errors.push(
          invalidField(
            path,
            signerName,
            `validating label "${label}": a valid signer path segment must consist of alphanumeric characters or '-', and must start and end with an alphanumeric character`,
          ),
        );
        break;
      }
  if (signerName.length > LONGEST_DOMAIN + LONGEST_PATH + 1) errors.push(tooLongField(path, LONGEST_DOMAIN + LONGEST_PATH + 1));
  return errors;
}

/** Names of signers (core/validation ValidateSignerName). */
import { addErrors, invalidField, requiredField, tooLongField } from './field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, type NameCheck } from './names.ts';
import type { FieldError } from './status-error.ts';

const LONGEST_DOMAIN = 253;
const LONGEST_PATH = 253 + 63 + 1;
const LONGEST_NAME = LONGEST_DOMAIN + LONGEST_PATH + 1;

/** A signer's name is `domain/path`, the domain having at least one dot. */
export function validateSignerName(signerName: string, path: string): FieldError[] {
  if (!signerName) return [requiredField(path)];
  const segments = signerName.split('/');
  if (segments.length !== 2)
    return [invalidField(path, signerName, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  const [domain, name] = segments as [string, string];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(domain) > LONGEST_DOMAIN) errors.push(tooLongField(path, LONGEST_DOMAIN));
  addErrors(errors, checkLabels(path, domain, checkDnsLabel));
  if (!domain.includes('.'))
    errors.push(invalidField(path, domain, 'should be a domain with at least two segments separated by dots'));
  // Each of them may be as long as the name of an object, which one of them may be.
  addErrors(errors, checkLabels(path, name, checkDnsSubdomain));
  if (Buffer.byteLength(signerName) > LONGEST_NAME) errors.push(tooLongField(path, LONGEST_NAME));
  return errors;
}

/** What is wrong with the first of the labels that has something wrong: what is said of others is much the same. */
function checkLabels(path: string, segment: string, check: NameCheck): FieldError[] {
  for (const label of segment.split('.')) {
    const complaints = check(label);
    if (complaints.length)
      return complaints.map((complaint) =>
        invalidField(path, segment, `validating label ${JSON.stringify(label)}: ${complaint}`),
      );
  }
  return [];
}

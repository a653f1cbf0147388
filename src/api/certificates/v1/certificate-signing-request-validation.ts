import { X509Certificate } from 'node:crypto';
import type { V1CertificateSigningRequest } from '../../gen/types.ts';
import {
  addErrors,
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { decodePem } from '../../machinery/pem.ts';
import { validateSignerName } from '../../machinery/signer-name.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateConditions, validateConditionsUpdate } from './certificate-signing-request-conditions.ts';
import { requestComplaint } from './verify-request.ts';

/** Every usage that can be asked for, sorted. */
export const KEY_USAGES: readonly string[] = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

/** Of certificates.k8s.io/v1beta1, from before requests had to name their signer. */
const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown';
const SHORTEST_SECONDS = 600;

const of = (object: DynamicObject) => object as unknown as V1CertificateSigningRequest;

/**
 * Complaints about a request, whose signature is verified. `existing`: what was let through by older versions and rules may stay
 * (pkg/apis/certificates/validation getValidationOptions).
 */
export function validateRequest(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const { spec, status } = of(object);
  const before = existing && of(existing);
  const errors: FieldError[] = [];
  const complaint = requestComplaint(spec.request);
  if (complaint) errors.push(invalidField('spec.request', spec.request, complaint));
  addErrors(errors, validateUsages(spec.usages ?? [], before?.spec.usages ?? []));
  if (spec.signerName === LEGACY_UNKNOWN && before?.spec.signerName !== LEGACY_UNKNOWN)
    errors.push(invalidField('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version'));
  else addErrors(errors, validateSignerName(spec.signerName, 'spec.signerName'));
  if (spec.expirationSeconds !== undefined && spec.expirationSeconds < SHORTEST_SECONDS)
    errors.push(
      invalidField(
        'spec.expirationSeconds',
        spec.expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  addErrors(errors, validateConditions(status?.conditions ?? [], before?.status?.conditions ?? []));
  return errors;
}

const isUnknown = (usage: string) => !KEY_USAGES.includes(usage);

function validateUsages(usages: readonly string[], stored: readonly string[]): FieldError[] {
  if (!usages.length) return [requiredField('spec.usages')];
  const errors: FieldError[] = [];
  if (!stored.some(isUnknown))
    usages.forEach((usage, i) => {
      if (isUnknown(usage)) errors.push(notSupportedField(`spec.usages[${i}]`, usage, KEY_USAGES));
    });
  if (new Set(stored).size < stored.length) return errors;
  const seen = new Set<string>();
  usages.forEach((usage, i) => {
    if (seen.has(usage)) errors.push(duplicateField(`spec.usages[${i}]`, usage));
    seen.add(usage);
  });
  return errors;
}

/** Complaints about a change, by what the written subresource may change. The spec has been put back already. */
export function validateRequestUpdate(
  updated: DynamicObject,
  existing: DynamicObject,
  may: { readonly approve: boolean; readonly issue: boolean },
): FieldError[] {
  const after = of(updated).status ?? {};
  const before = of(existing).status ?? {};
  const certificate = after.certificate ?? '';
  const isNew = certificate !== (before.certificate ?? '');
  // What was let through once may be followed by more of the same.
  const complaint = isNew && !certificateComplaint(before.certificate ?? '') ? certificateComplaint(certificate) : undefined;
  const errors = [
    ...validateConditions(after.conditions ?? [], before.conditions ?? []),
    ...(complaint ? [invalidField('status.certificate', '<certificate data>', complaint)] : []),
    ...validateConditionsUpdate(after.conditions ?? [], before.conditions ?? [], may.approve),
  ];
  if (!isNew) return errors;
  if (!may.issue) errors.push(forbiddenField('status.certificate', 'updates may not set certificate content'));
  else if (before.certificate)
    errors.push(forbiddenField('status.certificate', 'updates may not modify existing certificate content'));
  return errors;
}

/** What is wrong with an issued certificate (base64 of PEM), or undefined. */
function certificateComplaint(base64: string): string | undefined {
  if (!base64) return undefined;
  const blocks = decodePem(Buffer.from(base64, 'base64').toString('latin1'));
  if (!blocks.length) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, der } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (!der.length) return 'found CERTIFICATE PEM block containing 0 certificates';
    try {
      new X509Certificate(der);
    } catch {
      // What is no DER OpenSSL takes for PEM, and complains of that.
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}

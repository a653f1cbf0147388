/**
 * What a certificate request must look like for each of the built-in signers
 * (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers). A rule answers what is
 * wrong, or undefined.
 */

import {
  KUBE_APISERVER_CLIENT,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
  LEGACY_UNKNOWN,
} from '../../api/certificates/v1/signer-conditions.ts';
import type { CertificateRequest } from '../../pki/certificate-request.ts';

/** The part of a parsed request that the rules look at. */
export type RequestedNames = Pick<
  CertificateRequest,
  'commonName' | 'organizations' | 'dnsNames' | 'ipAddresses' | 'emailAddresses' | 'uris'
>;

export type RequestRule = (request: RequestedNames, usages: readonly string[]) => string | undefined;

const KUBELET_CLIENT_USAGES = ['client auth', 'digital signature', 'key encipherment'];
const KUBELET_SERVING_USAGES = ['digital signature', 'key encipherment', 'server auth'];

/** A kubelet's client certificate: O exactly system:nodes, CN system:node:…, no other names. */
export const checkKubeletClientRequest: RequestRule = (request, usages) =>
  checkNodeOrganization(request) ??
  (request.dnsNames.length > 0 ? 'DNS subjectAltNames are not allowed' : undefined) ??
  checkNoEmailOrUri(request) ??
  (request.ipAddresses.length > 0 ? 'IP subjectAltNames are not allowed' : undefined) ??
  checkNodeName(request) ??
  checkUsages(usages, KUBELET_CLIENT_USAGES);

/** A kubelet's serving certificate: the same subject, and at least one DNS name or address. */
export const checkKubeletServingRequest: RequestRule = (request, usages) =>
  checkNodeOrganization(request) ??
  (request.dnsNames.length + request.ipAddresses.length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ??
  checkNoEmailOrUri(request) ??
  checkUsages(usages, KUBELET_SERVING_USAGES) ??
  checkNodeName(request);

/** Any client certificate but that of a superuser, whom nobody could take the right away from again. */
export const checkApiServerClientRequest: RequestRule = (request, usages) => {
  const allowed = ['digital signature', 'key encipherment', 'client auth'];
  const foreign = usages.find((usage) => !allowed.includes(usage));
  if (foreign !== undefined) return `invalid usages for client certificate: ${foreign}`;
  if (!usages.includes('client auth')) return 'missing required usage for client certificate: client auth';
  if (request.organizations.includes('system:masters')) return 'subject organization system:masters is not allowed';
  return undefined;
};

/** The rule of each built-in signer. `legacy-unknown` takes what was approved, as ever. */
export const SIGNER_RULES: Readonly<Record<string, RequestRule>> = {
  [KUBE_APISERVER_CLIENT]: checkApiServerClientRequest,
  [KUBE_APISERVER_CLIENT_KUBELET]: checkKubeletClientRequest,
  [KUBELET_SERVING]: checkKubeletServingRequest,
  [LEGACY_UNKNOWN]: () => undefined,
};

function checkNodeOrganization({ organizations }: RequestedNames): string | undefined {
  return organizations.length === 1 && organizations[0] === 'system:nodes'
    ? undefined
    : 'subject organization is not system:nodes';
}

function checkNodeName({ commonName }: RequestedNames): string | undefined {
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:';
}

function checkNoEmailOrUri({ emailAddresses, uris }: RequestedNames): string | undefined {
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  return uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined;
}

/** Exactly those required; without key encipherment too, since only RSA keys have a use for it. */
function checkUsages(usages: readonly string[], required: readonly string[]): string | undefined {
  const given = new Set(usages);
  const rest = required.filter((usage) => usage !== 'key encipherment');
  const matches = (wanted: readonly string[]) => given.size === wanted.length && wanted.every((usage) => given.has(usage));
  return matches(required) || matches(rest) ? undefined : `usages did not match [${required.join(' ')}]`;
}

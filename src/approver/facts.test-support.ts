import type { V1CertificateSigningRequest } from '../api/gen/types.ts';
import type { CertificateRequest } from '../pki/certificate-request.ts';
import type { NameFact, RequestFacts } from './request-facts.ts';

const NO_NAMES = { dnsNames: [], ipAddresses: [], emailAddresses: [], uris: [] };

/** A parsed request of node-1, changed. */
export function requestOf(changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    ...NO_NAMES,
    subjectDer: Buffer.alloc(0),
    commonName: 'system:node:node-1',
    organizations: ['system:nodes'],
    organizationalUnits: [],
    otherSubjectAttributes: [],
    publicKeyDer: Buffer.from('key'),
    extensionOids: ['2.5.29.17'],
    usages: [],
    pemHeaders: [],
    verifySignature: () => Promise.resolve(true),
    ...changes,
  };
}

export const parsedAs = (changes: Partial<CertificateRequest>, signatureHolds = true): Partial<RequestFacts> => ({
  parsed: { ok: true, request: requestOf(changes), signatureHolds },
});

export const dns = (value: string, changes: Partial<NameFact> = {}): NameFact => ({
  kind: 'dns',
  value,
  ownership: 'proven',
  by: 'inventory',
  ...changes,
});
export const address = (value: string, changes: Partial<NameFact> = {}): NameFact => ({
  ...dns(value, changes),
  kind: 'address',
});

/** The request object, with its specification changed. */
export function csrOf(spec: Partial<V1CertificateSigningRequest['spec']> = {}): V1CertificateSigningRequest {
  return {
    metadata: { name: 'csr-abcde' },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kubelet-serving',
      username: 'system:node:node-1',
      groups: ['system:nodes', 'system:authenticated'],
      usages: ['digital signature', 'key encipherment', 'server auth'],
      ...spec,
    },
  };
}

/** A serving request that every rule is content with, changed. */
export function servingFacts(changes: Partial<RequestFacts> = {}): RequestFacts {
  return {
    csr: csrOf(),
    purpose: 'serving',
    parsed: { ok: true, request: requestOf(), signatureHolds: true },
    nodeName: 'node-1',
    node: { metadata: { name: 'node-1' } },
    isOrphan: false,
    keyUsedBy: undefined,
    recordsCredentials: false,
    names: [dns('node-1'), address('10.0.0.1')],
    current: undefined,
    newerRequest: undefined,
    pendingOfNode: 1,
    nodeExpected: undefined,
    limits: {
      maxNames: 16,
      minLifetimeMs: 600_000,
      maxLifetimeMs: 365 * 86_400_000,
      maxPendingPerNode: 20,
      acceptNodeStatus: false,
      allowRejoin: false,
      allowLoopback: false,
    },
    ...changes,
  };
}

/** The same for the first client certificate of a node. */
export function joiningFacts(changes: Partial<RequestFacts> = {}): RequestFacts {
  return servingFacts({
    csr: csrOf({
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      username: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:authenticated'],
      usages: ['digital signature', 'client auth'],
    }),
    purpose: 'client',
    node: undefined,
    names: [],
    nodeExpected: true,
    ...parsedAs({ extensionOids: [] }),
    ...changes,
  });
}

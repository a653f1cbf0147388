import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { type Authority, createAuthority } from '../../pki/authority.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { createCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey, type PrivateKey } from '../../pki/keys.ts';
import { runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { type CsrSigningOptions, createCsrSigningController } from './controller.ts';

const START_MS = Date.parse('2026-01-01T00:00:00Z');
const HOUR_MS = 3_600_000;
let authority: Authority;
let key: PrivateKey;
before(async () => {
  authority = await createAuthority({
    commonName: 'kubernetes',
    notBeforeMs: START_MS - HOUR_MS,
    notAfterMs: START_MS + 10 * 8760 * HOUR_MS,
  });
  key = await generatePrivateKey();
});

const SERVING = 'kubernetes.io/kubelet-serving';
const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';

async function approved(names: object, spec: Partial<V1CertificateSigningRequest['spec']>) {
  const request = await createCertificateRequest({
    key,
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    ...names,
  });
  return {
    metadata: { name: 'csr-1' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: CLIENT,
      usages: ['digital signature', 'client auth'],
      ...spec,
    },
    status: { conditions: [{ type: 'Approved', status: 'True' }] },
  };
}

const signing =
  (options: Partial<CsrSigningOptions> = {}) =>
  (context: Parameters<typeof createCsrSigningController>[0]) => {
    const authorities = Object.fromEntries([SERVING, CLIENT].map((signer) => [signer, () => Promise.resolve(authority)]));
    return createCsrSigningController(context, { authorities, signingDurationMs: 8760 * HOUR_MS, ...options });
  };

const statusOf = (cluster: TestingCluster) =>
  cluster.get<V1CertificateSigningRequest>(certificateSigningRequestKind, 'csr-1')?.status;
const certificateOf = (cluster: TestingCluster) =>
  parseCertificates(Buffer.from(statusOf(cluster)?.certificate ?? '', 'base64').toString())[0]!;

test('an approved request gets a certificate that says what it asked for, in one write', async () => {
  await using run = await runController(signing());
  const names = { dnsNames: ['n1', 'n1.example'], ipAddresses: ['10.0.0.1'] };
  run.cluster.put(
    certificateSigningRequestKind,
    await approved(names, { signerName: SERVING, usages: ['digital signature', 'server auth'] }),
  );
  await run.settle();
  const certificate = certificateOf(run.cluster);
  assert.equal(certificate.commonName, 'system:node:n1');
  assert.deepEqual(certificate.organizations, ['system:nodes']);
  assert.deepEqual(certificate.dnsNames, names.dnsNames);
  assert.deepEqual(certificate.ipAddresses, names.ipAddresses);
  assert.deepEqual([...certificate.usages].sort(), ['digital signature', 'server auth']);
  assert.equal(certificate.issuerCommonName, 'kubernetes');
  assert.equal(certificate.isCa, false);
  assert.ok(Buffer.from(certificate.publicKeyDer).equals(key.publicKeyDer));
  assert.equal(certificate.notBeforeMs, START_MS - 300_000);
  assert.equal(certificate.notAfterMs, START_MS + 8760 * HOUR_MS - 300_000);
  assert.deepEqual(
    run.cluster.requests.map((r) => `${r.verb} ${r.resource}/${r.subresource}`),
    ['update certificatesigningrequests/status'],
  );
});

test('expirationSeconds shortens the lifetime', async () => {
  await using run = await runController(signing());
  run.cluster.put(certificateSigningRequestKind, await approved({}, { expirationSeconds: 3600 }));
  await run.settle();
  assert.equal(certificateOf(run.cluster).notAfterMs, START_MS + HOUR_MS);
});

test('a request that breaks its rules becomes Failed and says why', async () => {
  await using run = await runController(signing());
  run.cluster.put(certificateSigningRequestKind, await approved({ dnsNames: ['evil'] }, {}));
  await run.settle();
  const failed = statusOf(run.cluster)?.conditions?.find((c) => c.type === 'Failed');
  assert.equal(failed?.reason, 'SignerValidationFailure');
  assert.equal(failed.message, 'DNS subjectAltNames are not allowed');
  assert.equal(statusOf(run.cluster)?.certificate, undefined);
});

test('a request whose signature is not its key’s becomes Failed', async () => {
  await using run = await runController(signing());
  const csr = await approved({}, {});
  const der = Buffer.from(
    Buffer.from(csr.spec.request, 'base64')
      .toString()
      .replace(/-----[^-]+-----|\s/g, ''),
    'base64',
  );
  der[der.length - 1]! ^= 1;
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE REQUEST-----\n`;
  csr.spec.request = Buffer.from(pem).toString('base64');
  run.cluster.put(certificateSigningRequestKind, csr);
  await run.settle();
  const failed = statusOf(run.cluster)?.conditions?.find((c) => c.type === 'Failed');
  assert.equal(failed?.message, 'unable to verify certificate request signature');
});

test('what is not approved, or is for a signer that does not run, waits', async () => {
  await using run = await runController(signing({ authorities: { [SERVING]: () => Promise.resolve(authority) } }));
  run.cluster.put(certificateSigningRequestKind, await approved({}, {}));
  run.cluster.put(certificateSigningRequestKind, { ...(await approved({}, {})), metadata: { name: 'csr-2' }, status: {} });
  await run.settle(60_000);
  assert.deepEqual(run.cluster.requests, []);
});

test('an expired authority issues nothing', async () => {
  const expired = await createAuthority({
    commonName: 'old',
    notBeforeMs: START_MS - 2 * HOUR_MS,
    notAfterMs: START_MS - HOUR_MS,
  });
  await using run = await runController(signing({ authorities: { [CLIENT]: () => Promise.resolve(expired) } }));
  run.cluster.put(certificateSigningRequestKind, await approved({}, {}));
  await run.settle(10_000);
  assert.deepEqual(run.cluster.requests, []);
});

/** A request that openssl makes, with attributes that Muster's own never have. */
function requestOf(subject: string): string {
  const made = [
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    '/dev/null',
    '-subj',
    subject,
  ];
  return execFileSync('openssl', made, { stdio: ['ignore', 'pipe', 'ignore'] }).toString('base64');
}

test('the subject of a certificate is that of its request, to the letter', async () => {
  await using run = await runController(signing());
  const request = requestOf('/C=DE/OU=rack 7/O=system:nodes/CN=system:node:n1');
  run.cluster.put(certificateSigningRequestKind, await approved({}, { request }));
  await run.settle();
  const pem = Buffer.from(statusOf(run.cluster)?.certificate ?? '', 'base64');
  assert.equal(new X509Certificate(pem).subject, 'C=DE\nOU=rack 7\nO=system:nodes\nCN=system:node:n1');
});

test('a request with two common names becomes Failed: nobody could say whose certificate it is', async () => {
  await using run = await runController(signing());
  run.cluster.put(
    certificateSigningRequestKind,
    await approved({}, { request: requestOf('/CN=admin/O=system:nodes/CN=system:node:n1') }),
  );
  await run.settle();
  const failed = statusOf(run.cluster)?.conditions?.find((c) => c.type === 'Failed');
  assert.equal(failed?.message, 'subject has more than one common name');
});

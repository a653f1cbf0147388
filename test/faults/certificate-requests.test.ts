import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { StatusError } from '../../src/api/machinery/status-error.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createHttpsTransport } from '../../src/client/transport/https.ts';
import type { Transport } from '../../src/client/transport/transport.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { createCertificateRequest } from '../../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { until } from '../harness/until.ts';
import { createToken } from './joining-node.ts';

const CLIENT_USAGES = ['digital signature', 'client auth'];
const NODES = ['system:nodes'];

describe('a request for a certificate', () => {
  let cluster: Cluster;
  let transport: Transport;
  /** As somebody who holds a bootstrap token. */
  let client: Client;
  let good: string;
  const key = generatePrivateKey();
  let count = 0;
  const pem = async (commonName: string, organizations: readonly string[], more: object = {}) =>
    createCertificateRequest({ key: await key, commonName, organizations, ...more });

  before(async () => {
    cluster = await startCluster({ nodes: 0 });
    await createToken(cluster, 'goodgo.0123456789abcdef');
    const ca = /certificate-authority-data: (\S+)/.exec(cluster.kubeconfig)?.[1] ?? '';
    transport = createHttpsTransport({
      server: cluster.server,
      caPem: Buffer.from(ca, 'base64').toString('utf8'),
      token: () => 'goodgo.0123456789abcdef',
    });
    client = createClient({ transport });
    good = await pem('system:node:honest', NODES);
  });
  after(async () => {
    await transport?.close({ final: true });
    await cluster?.close();
  });

  const file = (request: string | Buffer, spec: Partial<V1CertificateSigningRequest['spec']> = {}) =>
    client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind).create({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: `request-${count++}` },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: CLIENT_USAGES,
        ...spec,
      },
    });
  const read = (name: string) => cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind).get(name);
  /** Resolves once a request that was filed later has its certificate: what came before has been looked at by then. */
  const laterOneIsIssued = async () => {
    const { metadata } = await file(good);
    await until('an honest request is issued', async () => (await read(metadata?.name ?? '')).status?.certificate);
  };
  const refused = async (filing: Promise<unknown>, code: number, message: RegExp) => {
    const error = await filing.then(
      () => assert.fail('it was taken'),
      (failure: unknown) => failure,
    );
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
  };

  test('for somebody else is not approved, and stays for a person to look at', async () => {
    const foreign = [
      await file(await pem('system:node:x', ['system:masters'])),
      await file(await pem('system:node:x', ['system:nodes', 'system:masters'])),
      await file(await pem('system:node:x', [])),
      await file(await pem('kubernetes-admin', NODES)),
      await file(await pem('system:node:x', NODES, { dnsNames: ['x'] })),
      await file(await pem('system:node:x', NODES, { ipAddresses: ['127.0.0.1'] })),
    ];
    await laterOneIsIssued();
    for (const { metadata } of foreign) assert.deepEqual((await read(metadata?.name ?? '')).status ?? {}, {});
  });

  test('with usages that the signer does not give is never issued, even when somebody approves it', async () => {
    const { metadata } = await file(good, { usages: ['digital signature', 'server auth'] });
    const name = metadata?.name ?? '';
    await laterOneIsIssued();
    assert.deepEqual((await read(name)).status ?? {}, {});
    const current = await read(name);
    const condition = { type: 'Approved', status: 'True', reason: 'Careless', message: 'looked good' };
    await cluster
      .client()
      .resource<V1CertificateSigningRequest>(certificateSigningRequestKind)
      .update({ ...current, status: { conditions: [condition] } }, { subresource: 'approval' });
    const failed = await until('it has failed', async () =>
      (await read(name)).status?.conditions?.find(({ type }) => type === 'Failed'),
    );
    assert.equal(failed.reason, 'SignerValidationFailure');
    assert.equal((await read(name)).status?.certificate, undefined);
  });

  test('of a bootstrapper for a serving certificate is not approved', async () => {
    const serving = await file(await pem('system:node:x', NODES, { dnsNames: ['x'] }), {
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'server auth'],
    });
    await laterOneIsIssued();
    assert.deepEqual((await read(serving.metadata?.name ?? '')).status ?? {}, {});
  });

  test('that is none is refused, with the reason', async () => {
    const notPem = /spec\.request: Invalid value: .*: PEM block type must be CERTIFICATE REQUEST$/s;
    await refused(file('garbage'), 422, notPem);
    await refused(file(''), 422, notPem);
    await refused(file(good.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')), 422, notPem);
    const der = Buffer.from(good.split('\n').slice(1, -2).join(''), 'base64');
    const wrapped = (bytes: Buffer) =>
      `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await refused(file(wrapped(der.subarray(0, 60))), 422, /spec\.request: Invalid value: .*asn1: syntax error/s);
    const forged = Buffer.from(der);
    forged[der.length - 3]! ^= 1;
    await refused(file(wrapped(forged)), 422, /spec\.request: Invalid value: .*signature/s);
    await refused(
      file(good, { usages: ['flying'] }),
      422,
      /spec\.usages\[0\]: Unsupported value: "flying": supported values: "any"/,
    );
    await refused(file(good, { usages: [] }), 422, /spec\.usages: Required value/);
    await refused(
      file(good, { expirationSeconds: 10 }),
      422,
      /spec\.expirationSeconds: Invalid value: 10: may not specify a duration less than 600 seconds/,
    );
    await refused(
      file(good, { signerName: 'nodomain' }),
      422,
      /spec\.signerName: Invalid value: "nodomain": must be a fully qualified domain and path/,
    );
  });

  test('for the group of masters is refused outright', async () => {
    await refused(
      file(await pem('x', ['system:masters']), { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] }),
      403,
      /use of kubernetes\.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
    );
  });

  test('of ten megabytes is too large, and the connection goes on', async () => {
    await refused(file(Buffer.alloc(10_000_000, 'x')), 413, /^Request entity too large: limit is 3145728$/);
    await laterOneIsIssued();
  });

  test('says who asked whatever it claims', async () => {
    const { spec } = await file(good, { username: 'kubernetes-admin', groups: ['system:masters'], uid: '0' });
    assert.equal(spec.username, 'system:bootstrap:goodgo');
    assert.deepEqual(spec.groups, ['system:bootstrappers', 'system:authenticated']);
  });

  test('is neither approved nor read by whoever may only file it', async () => {
    const filed = await file(await pem('system:node:x', ['system:masters']));
    const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    const condition = { type: 'Approved', status: 'True', reason: 'Self', message: '' };
    await refused(
      requests.update({ ...filed, status: { conditions: [condition] } }, { subresource: 'approval' }),
      403,
      /cannot update resource "certificatesigningrequests\/approval"/,
    );
    await refused(requests.delete(filed.metadata?.name ?? ''), 403, /cannot delete resource "certificatesigningrequests"/);
    await refused(
      client
        .resource(
          { ...certificateSigningRequestKind, group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true },
          'kube-system',
        )
        .list(),
      403,
      /cannot list resource "secrets"/,
    );
  });
});

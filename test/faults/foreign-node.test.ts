import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { leaseKind } from '../../src/api/coordination/v1/lease.ts';
import { configMapKind } from '../../src/api/core/v1/config-map.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import { secretKind } from '../../src/api/core/v1/secret.ts';
import { serviceAccountKind } from '../../src/api/core/v1/service-account.ts';
import type { V1CertificateSigningRequest, V1Lease, V1Node, V1Pod, V1Secret } from '../../src/api/gen/types.ts';
import type { ObjectMeta } from '../../src/api/machinery/object.ts';
import { StatusError } from '../../src/api/machinery/status-error.ts';
import type { Client } from '../../src/client/client.ts';
import { clientFromKubeconfig } from '../../src/client/kubeconfig-client.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { createCertificateRequest } from '../../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

describe('node-1, broken into, cannot touch what is node-2’s', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let cluster: Cluster;
  /** With the certificate that node-1 was issued. */
  let intruder: Client;
  before(async () => {
    directory = await temporaryDirectory();
    cluster = await startCluster({ nodes: 2, dataDir: directory.file('data') });
    intruder = await clientFromKubeconfig(join(directory.file('data'), 'nodes', 'node-1', 'kubeconfig'));
    const pods = cluster.client().resource<V1Pod>(podKind, 'default');
    for (const [name, nodeName] of [
      ['mine', 'node-1'],
      ['theirs', 'node-2'],
    ])
      await pods.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: name! },
        spec: {
          nodeName: nodeName!,
          containers: [{ name: 'main', image: 'nginx' }],
          volumes: [{ name: 'secret', secret: { secretName: `${name}-secret` } }],
        },
      });
    const secrets = cluster.client().resource<V1Secret>(secretKind, 'default');
    for (const name of ['mine-secret', 'theirs-secret', 'nobodys-secret'])
      await secrets.create({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { a: 'Yg==' } });
    await until('both pods run', async () => (await pods.list()).items.every((pod) => pod.status?.phase === 'Running'));
  });
  after(async () => {
    await intruder?.transport.close?.({ final: true });
    await cluster?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  const forbidden = async (action: Promise<unknown>, message: RegExp) => {
    const error = await action.then(
      () => assert.fail('it was allowed'),
      (failure: unknown) => failure,
    );
    assert.ok(error instanceof StatusError, String(error));
    assert.equal(error.code, 403, error.message);
    assert.match(error.message, message);
  };
  const nodes = () => intruder.resource<V1Node>(nodeKind);

  test('its Node', async () => {
    const other = await cluster.client().resource<V1Node>(nodeKind).get('node-2');
    const message = /node "node-1" is not allowed to modify node "node-2"/;
    await forbidden(nodes().update(other), message);
    await forbidden(nodes().update(other, { subresource: 'status' }), message);
    await forbidden(nodes().patch('node-2', { metadata: { labels: { a: 'b' } } }, { type: 'merge' }), message);
    await forbidden(
      nodes().create({ ...other, metadata: { name: 'node-3' } }),
      /node "node-1" is not allowed to modify node "node-3"/,
    );
    await forbidden(nodes().delete('node-2'), /cannot delete resource "nodes"/);
    await forbidden(nodes().delete('node-1'), /cannot delete resource "nodes"/);
  });

  test('what of its own Node is not for it to say', async () => {
    const patch = (body: unknown) => nodes().patch('node-1', body, { type: 'strategic' });
    await patch({ metadata: { labels: { 'node.kubernetes.io/fine': 'yes' } } });
    await forbidden(
      patch({ metadata: { labels: { 'node-restriction.kubernetes.io/team': 'a' } } }),
      /is not allowed to modify labels: node-restriction\.kubernetes\.io\/team/,
    );
    await forbidden(
      patch({ metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }),
      /is not allowed to modify labels: node-role\.kubernetes\.io\/control-plane/,
    );
    await forbidden(
      patch({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
      /node "node-1" is not allowed to modify taints/,
    );
  });

  test('its lease', async () => {
    const leases = (client: Client) => client.resource<V1Lease>(leaseKind, 'kube-node-lease');
    const lease = await leases(cluster.client()).get('node-2');
    await forbidden(
      leases(intruder).update({ ...lease, spec: { ...lease.spec, holderIdentity: 'node-1' } }),
      /can only access node lease with the same name as the requesting node/,
    );
    await forbidden(leases(intruder).delete('node-2'), /can only access node lease with the same name as the requesting node/);
    await leases(intruder).get('node-1');
  });

  test('its pods', async () => {
    const pods = intruder.resource<V1Pod>(podKind, 'default');
    const theirs = await cluster.client().resource<V1Pod>(podKind, 'default').get('theirs');
    await forbidden(
      pods.update(theirs, { subresource: 'status' }),
      /node "node-1" can only update pod status for pods with spec\.nodeName set to itself/,
    );
    await forbidden(
      pods.delete('theirs', { gracePeriodSeconds: 0 }),
      /node "node-1" can only delete pods with spec\.nodeName set to itself/,
    );
    await forbidden(
      pods.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'planted' },
        spec: { nodeName: 'node-2', containers: [{ name: 'a', image: 'b' }] },
      }),
      /pod does not have "kubernetes\.io\/config\.mirror" annotation, node "node-1" can only create mirror pods/,
    );
    await forbidden(
      pods.update({ ...theirs, metadata: { ...theirs.metadata, labels: { a: 'b' } } }),
      /cannot update resource "pods"/,
    );
  });

  test('its secrets, nor any that none of its own pods uses', async () => {
    const secrets = intruder.resource<V1Secret>(secretKind, 'default');
    assert.equal((await secrets.get('mine-secret')).data?.['a'], 'Yg==');
    await forbidden(secrets.get('theirs-secret'), /no relationship found between node 'node-1' and this object/);
    await forbidden(secrets.get('nobodys-secret'), /no relationship found between node 'node-1' and this object/);
    await forbidden(
      secrets.list(),
      /can only read resources of this type|can only get individual resources of this type|cannot list resource "secrets"/,
    );
    await forbidden(
      intruder.resource(configMapKind, 'kube-system').get('anything'),
      /no relationship found between node 'node-1' and this object/,
    );
  });

  test('the tokens of its pods', async () => {
    const accounts = intruder.resource(serviceAccountKind, 'default');
    const request = (name: string, uid: string) => ({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
    });
    const uidOf = async (name: string) =>
      (await cluster.client().resource<V1Pod>(podKind, 'default').get(name)).metadata?.uid ?? '';
    await accounts.create(request('mine', await uidOf('mine')) as never, { subresource: 'token', name: 'default' });
    await forbidden(
      accounts.create(request('theirs', await uidOf('theirs')) as never, { subresource: 'token', name: 'default' }),
      /node requested token bound to a pod scheduled on a different node|no relationship found/,
    );
    const unbound = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } };
    await forbidden(
      accounts.create(unbound as never, { subresource: 'token', name: 'default' }),
      /node requested token not bound to a pod/,
    );
  });

  test('its name, in a request for a certificate', async () => {
    const key = await generatePrivateKey();
    const pem = await createCertificateRequest({ key, commonName: 'system:node:node-2', organizations: ['system:nodes'] });
    const requests = (client: Client) => client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    const file = async (signerName: string, usages: string[]) =>
      requests(intruder).create({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { generateName: 'foreign-' },
        spec: { request: Buffer.from(pem).toString('base64'), signerName, usages },
      });
    const message = /forbidden: can only create a node CSR with CN=system:node:node-1$/;
    await forbidden(file('kubernetes.io/kube-apiserver-client-kubelet', ['digital signature', 'client auth']), message);
    await forbidden(file('kubernetes.io/kubelet-serving', ['digital signature', 'server auth']), message);
  });

  test('its address, in a request for a serving certificate', async () => {
    const key = await generatePrivateKey();
    const [one, two] = cluster.nodes;
    const requests = (client: Client) => client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    const file = async (address: string, dnsName: string) =>
      requests(intruder).create({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { generateName: 'serving-' },
        spec: {
          request: Buffer.from(
            await createCertificateRequest({
              key,
              commonName: 'system:node:node-1',
              organizations: ['system:nodes'],
              dnsNames: [dnsName],
              ipAddresses: [address],
            }),
          ).toString('base64'),
          signerName: 'kubernetes.io/kubelet-serving',
          usages: ['digital signature', 'server auth'],
        },
      });
    const foreign = [
      await file(two!.address, 'node-1'),
      await file(one!.address, 'node-2'),
      await file(one!.address, 'kubernetes'),
    ];
    const honest = await file(one!.address, 'node-1');
    const read = ({ metadata }: { metadata?: ObjectMeta }) => requests(cluster.client()).get(metadata?.name ?? '');
    await until('the honest one is issued', async () => (await read(honest)).status?.certificate);
    for (const request of foreign) assert.equal((await read(request)).status?.certificate, undefined);
  });

  test('and what it has of its own is readable by the owner alone', async () => {
    const { stat, readdir } = await import('node:fs/promises');
    const node = join(directory.file('data'), 'nodes', 'node-1');
    const files = [
      join(node, 'kubeconfig'),
      join(node, 'pki', 'kubelet-client-current.pem'),
      join(node, 'pki', 'kubelet-server-current.pem'),
    ];
    for (const file of files) assert.equal((await stat(file)).mode & 0o077, 0, file);
    assert.doesNotMatch(await readFile(files[0]!, 'utf8'), /token:/, 'the token is not kept');
    assert.ok(!(await readdir(join(node, 'pki'))).includes('kubelet-client.key.tmp'));
  });
});

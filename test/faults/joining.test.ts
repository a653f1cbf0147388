import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { certificateSigningRequestKind } from '../../src/api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../../src/api/gen/types.ts';
import { whyNotReady } from '../../src/cluster/ready-nodes.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import type { Kubeconfig } from '../../src/pki/kubeconfig.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { bootstrapConfig, createToken, startKubelet } from './joining-node.ts';

interface Fault {
  readonly what: string;
  readonly user?: Kubeconfig['users'][number]['user'];
  readonly cluster?: Kubeconfig['clusters'][number]['cluster'];
  /** What the last line says. */
  readonly says: RegExp;
}

const SECRET = '0123456789abcdef';
const GOOD = `goodgo.${SECRET}`;
const UNAUTHORIZED = /failed to run Kubelet: cannot create certificate signing request: Unauthorized$/;

const FAULTS: readonly Fault[] = [
  { what: 'a token that is malformed', user: { token: 'no token at all' }, says: UNAUTHORIZED },
  { what: 'a token that nobody made', user: { token: `nobody.${SECRET}` }, says: UNAUTHORIZED },
  { what: 'a token with another secret', user: { token: 'goodgo.fedcba9876543210' }, says: UNAUTHORIZED },
  { what: 'a token that has expired', user: { token: `expire.${SECRET}` }, says: UNAUTHORIZED },
  { what: 'a token that is not for authentication', user: { token: `signer.${SECRET}` }, says: UNAUTHORIZED },
  {
    what: 'no token',
    user: {},
    says: /cannot create certificate signing request: certificatesigningrequests\.certificates\.k8s\.io is forbidden: User "system:anonymous" cannot create resource "certificatesigningrequests" in API group "certificates\.k8s\.io" at the cluster scope$/,
  },
  {
    what: 'a token file that is missing',
    user: { tokenFile: '/nonexistent/token' },
    says: /unable to load bootstrap kubeconfig: kubeconfig \S+: unable to read user "kubelet-bootstrap" tokenFile \/nonexistent\/token: no such file$/,
  },
  {
    what: 'an authority’s file that is missing',
    cluster: { 'certificate-authority': '/nonexistent/ca.pem' },
    says: /unable to load bootstrap kubeconfig: kubeconfig \S+: unable to read cluster "kubernetes" certificate-authority \/nonexistent\/ca\.pem: no such file$/,
  },
];

describe('a node that cannot join', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster({ nodes: 0 });
    await createToken(cluster, GOOD);
    await createToken(cluster, `expire.${SECRET}`, { expiresMs: Date.now() - 1000 });
    await createToken(cluster, `signer.${SECRET}`, { usages: ['signing'] });
  });
  after(() => cluster?.close());

  for (const [index, { what, user = { token: GOOD }, cluster: changes, says }] of FAULTS.entries())
    test(`because of ${what} says so and ends; with what was wrong put right, it joins`, async () => {
      await using directory = await temporaryDirectory();
      const name = `node-${index}`;
      const requests = cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
      const before = (await requests.list()).items.length;
      const failing = await startKubelet(directory.path, name, await bootstrapConfig(cluster, user, changes));
      assert.equal(await failing.exited, 255);
      const lastLine = failing.output.trimEnd().split('\n').at(-1) ?? '';
      assert.match(lastLine, says);
      assert.doesNotMatch(failing.output, new RegExp(SECRET), 'a secret is never shown');
      assert.equal((await requests.list()).items.length, before, 'nothing was asked for');

      await using joining = await startKubelet(directory.path, name, await bootstrapConfig(cluster, { token: GOOD }));
      const nodes = cluster.client().resource<V1Node>(nodeKind);
      await until(`${name} is Ready`, async () => {
        assert.equal(joining.exitStatus, undefined, joining.output);
        return whyNotReady(await nodes.get(name)) === undefined;
      });
    });
});

test('a node whose authority is not the server’s refuses to speak to it', async () => {
  await using directory = await temporaryDirectory();
  await using cluster = await startCluster({ nodes: 0 });
  await using other = await startCluster({ nodes: 0 });
  await createToken(cluster, GOOD);
  const wrong = await bootstrapConfig(other, { token: GOOD }, { server: cluster.server });
  await using kubelet = await startKubelet(directory.path, 'careful', wrong);
  await kubelet.waitForOutput(/certificate signed by unknown authority|self-signed certificate|unable to verify/);
  const requests = cluster.client().resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  assert.deepEqual((await requests.list()).items, []);
});

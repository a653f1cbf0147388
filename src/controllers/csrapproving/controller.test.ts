import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { V1CertificateSigningRequest, V1SubjectAccessReview } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import { createCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { runController, serverError, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createCsrApprovingController } from './controller.ts';

let pem: string;
before(async () => {
  pem = await createCertificateRequest({
    key: await generatePrivateKey(),
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
  });
});

const csr = (overrides: Partial<V1CertificateSigningRequest['spec']> = {}, name = 'node-csr-1') => ({
  metadata: { name },
  spec: {
    request: Buffer.from(pem).toString('base64'),
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'client auth'],
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:authenticated'],
    ...overrides,
  },
  status: {},
});

/** Allows the given subresources. */
function clusterAllowing(...allowed: string[]): TestingCluster {
  const cluster = new TestingCluster();
  cluster.answers.set('subjectaccessreviews', (review) => {
    const { spec } = review as unknown as V1SubjectAccessReview;
    return { ...review, status: { allowed: allowed.includes(spec.resourceAttributes?.subresource ?? '') } };
  });
  return cluster;
}

const conditionsOf = (cluster: TestingCluster, name = 'node-csr-1') =>
  cluster.get<V1CertificateSigningRequest>(certificateSigningRequestKind, name)?.status?.conditions ?? [];

test('a first request is approved with one review and one write', async () => {
  await using run = await runController(createCsrApprovingController, clusterAllowing('nodeclient'));
  run.cluster.put(certificateSigningRequestKind, csr());
  await run.settle();
  const [condition] = conditionsOf(run.cluster);
  assert.equal(condition?.type, 'Approved');
  assert.equal(condition.status, 'True');
  assert.equal(condition.reason, 'AutoApproved');
  assert.equal(condition.message, 'Auto approving kubelet client certificate after SubjectAccessReview.');
  assert.equal(run.cluster.sent('create', 'subjectaccessreviews').length, 1);
  assert.equal(run.cluster.sent('update', 'certificatesigningrequests/approval').length, 1);
  assert.equal(run.cluster.requests.length, 2);
});

test('the review asks for the requestor with all that the server recorded', async () => {
  await using run = await runController(createCsrApprovingController, clusterAllowing('nodeclient'));
  run.cluster.put(certificateSigningRequestKind, csr({ uid: 'u1', extra: { k: ['v'] } }));
  await run.settle();
  const review = run.cluster.sent('create', 'subjectaccessreviews')[0]?.body as DynamicObject;
  assert.deepEqual(review['spec'], {
    user: 'system:bootstrap:abcdef',
    uid: 'u1',
    groups: ['system:bootstrappers', 'system:authenticated'],
    extra: { k: ['v'] },
    resourceAttributes: {
      group: 'certificates.k8s.io',
      resource: 'certificatesigningrequests',
      subresource: 'nodeclient',
      verb: 'create',
      version: '*',
    },
  });
});

test('a node that renews its own identity is asked about as selfnodeclient', async () => {
  await using run = await runController(createCsrApprovingController, clusterAllowing('selfnodeclient'));
  run.cluster.put(certificateSigningRequestKind, csr({ username: 'system:node:n1', groups: ['system:nodes'] }));
  run.cluster.put(certificateSigningRequestKind, csr({ username: 'system:node:other', groups: ['system:nodes'] }, 'foreign'));
  await run.settle();
  assert.equal(
    conditionsOf(run.cluster)[0]?.message,
    'Auto approving self kubelet client certificate after SubjectAccessReview.',
  );
  assert.deepEqual(conditionsOf(run.cluster, 'foreign'), []);
});

test('a request older than the permission is approved as soon as a binding comes', async () => {
  const cluster = clusterAllowing();
  await using run = await runController(createCsrApprovingController, cluster);
  cluster.put(certificateSigningRequestKind, csr());
  await run.settle(300_000);
  assert.deepEqual(conditionsOf(cluster), []);
  cluster.answers.set('subjectaccessreviews', (review) => ({ ...review, status: { allowed: true } }));
  cluster.put(clusterRoleBindingKind, { metadata: { name: 'auto-approve-csrs-for-group' } });
  await run.settle();
  assert.equal(conditionsOf(cluster)[0]?.reason, 'AutoApproved');
});

test('a permission that came by other ways is noticed within a minute', async () => {
  const cluster = clusterAllowing();
  await using run = await runController(createCsrApprovingController, cluster);
  cluster.put(certificateSigningRequestKind, csr());
  await run.settle(600_000);
  cluster.answers.set('subjectaccessreviews', (review) => ({ ...review, status: { allowed: true } }));
  await run.settle(60_000);
  assert.equal(conditionsOf(cluster)[0]?.reason, 'AutoApproved');
});

test('serving requests, decided requests and foreign subjects are never reviewed', async () => {
  const cluster = clusterAllowing('nodeclient', 'selfnodeclient', 'selfnodeserver');
  await using run = await runController(createCsrApprovingController, cluster);
  cluster.put(
    certificateSigningRequestKind,
    csr({ signerName: 'kubernetes.io/kubelet-serving', usages: ['digital signature', 'server auth'] }, 'serving'),
  );
  cluster.put(certificateSigningRequestKind, csr({ usages: ['client auth', 'server auth'] }, 'usages'));
  cluster.put(certificateSigningRequestKind, {
    ...csr({}, 'denied'),
    status: { conditions: [{ type: 'Denied', status: 'True' }] },
  });
  await run.settle();
  assert.deepEqual(cluster.requests, []);
});

test('a review that fails is tried again', async () => {
  const cluster = clusterAllowing('nodeclient');
  let failures = 3;
  cluster.beforeWrite = ({ resource }) => {
    if (resource === 'subjectaccessreviews' && failures-- > 0) throw serverError();
  };
  await using run = await runController(createCsrApprovingController, cluster);
  cluster.put(certificateSigningRequestKind, csr());
  await run.settle(5000);
  assert.equal(conditionsOf(cluster)[0]?.reason, 'AutoApproved');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, runPlugin, type WriteCase } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import { roleBindingKind } from '../../api/rbac/v1/role-binding.ts';
import { createCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { createRbacAuthorizer } from '../authorization/rbac-authorizer.ts';
import type { Authorizer } from '../contracts.ts';
import { createCertificateApproval, createCertificateSigning } from './certificate-signers.ts';
import { createCertificateSubjectRestriction } from './certificate-subject-restriction.ts';
import { createRoleEscalationCheck } from './role-escalation.ts';
import { createTokenSecretCheck } from './token-secret.ts';

const JANE = { name: 'jane', groups: ['system:authenticated'] };
const READ_PODS = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const READ_SECRETS = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };

/** Jane holds the given rules everywhere. */
function escalation(...rules: object[]) {
  const objects = new MemoryObjects();
  objects.put(clusterRoleKind, { metadata: { name: 'janes' }, rules });
  objects.put(clusterRoleKind, { metadata: { name: 'secrets' }, rules: [READ_SECRETS] });
  objects.put(clusterRoleBindingKind, {
    metadata: { name: 'janes' },
    roleRef: { kind: 'ClusterRole', name: 'janes' },
    subjects: [{ kind: 'User', name: 'jane' }],
  });
  const rbac = createRbacAuthorizer(objects);
  const plugin = createRoleEscalationCheck({ reader: objects, authorizer: rbac, rbac });
  return (write: WriteCase) => runPlugin(plugin, { user: JANE, ...write });
}

const role = (rules: object[], over: object = {}) => ({ metadata: { name: 'new' }, rules, ...over });
const binding = (name = 'secrets', namespace?: string) => ({
  metadata: { name: 'new', ...(namespace && { namespace }) },
  roleRef: { kind: 'ClusterRole', name },
  subjects: [{ kind: 'User', name: 'joe' }],
});
const rbacVerb = (verb: string, resource: string, names?: string[]) => ({
  verbs: [verb],
  apiGroups: ['rbac.authorization.k8s.io'],
  resources: [resource],
  ...(names && { resourceNames: names }),
});

test('rights that one holds may be put into a role', async () => {
  await escalation(READ_PODS)({ kind: clusterRoleKind, object: role([READ_PODS]) });
});

test('rights that one does not hold may not', async () => {
  await assert.rejects(escalation(READ_PODS)({ kind: clusterRoleKind, object: role([READ_PODS, READ_SECRETS]) }), {
    code: 403,
    message:
      'clusterroles.rbac.authorization.k8s.io "new" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
  });
});

test('who may escalate, or is of system:masters, may', async () => {
  await escalation(rbacVerb('escalate', 'clusterroles'))({ kind: clusterRoleKind, object: role([READ_SECRETS]) });
  await escalation(rbacVerb('escalate', 'clusterroles', ['new']))({ kind: clusterRoleKind, object: role([READ_SECRETS]) });
  await escalation()({ kind: clusterRoleKind, object: role([READ_SECRETS]), user: ADMIN });
  await assert.rejects(
    escalation(rbacVerb('escalate', 'clusterroles', ['other']))({ kind: clusterRoleKind, object: role([READ_SECRETS]) }),
    /attempting to grant/,
  );
});

test('a change of labels is an escalation too, since roles are aggregated by them; one of owners and finalizers is not', async () => {
  const oldObject = role([READ_SECRETS]);
  const changed = (metadata: object) => ({ ...oldObject, metadata: { name: 'new', ...metadata } });
  const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
  await assert.rejects(escalation()({ kind: clusterRoleKind, object: changed({ labels }), oldObject }), /attempting to grant/);
  await assert.rejects(
    escalation()({ kind: clusterRoleKind, object: role([READ_SECRETS, READ_PODS]), oldObject }),
    /attempting to grant/,
  );
  await assert.rejects(
    escalation()({
      kind: clusterRoleBindingKind,
      object: { ...binding(), metadata: { name: 'new', labels } },
      oldObject: binding(),
    }),
    /attempting to grant/,
  );
  const owned = changed({ resourceVersion: '2', ownerReferences: [], finalizers: ['a/b'] });
  await escalation()({ kind: clusterRoleKind, object: owned, oldObject });
  await escalation(READ_SECRETS)({ kind: clusterRoleKind, object: changed({ labels }), oldObject });
});

test('an aggregation rule takes the rights to everything', async () => {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
  await assert.rejects(
    escalation(READ_PODS)({ kind: clusterRoleKind, object: role([READ_PODS], { aggregationRule }) }),
    /must have cluster-admin privileges to use the aggregationRule/,
  );
});

test('a role is bound by who holds its rights, or may bind it', async () => {
  await escalation(READ_SECRETS)({ kind: clusterRoleBindingKind, object: binding() });
  await escalation(rbacVerb('bind', 'clusterroles', ['secrets']))({ kind: clusterRoleBindingKind, object: binding() });
  await assert.rejects(
    escalation(READ_PODS)({ kind: clusterRoleBindingKind, object: binding() }),
    /clusterrolebindings.*attempting to grant/,
  );
  await assert.rejects(
    escalation()({ kind: roleBindingKind, object: binding('secrets', 'ns') }),
    /rolebindings.*attempting to grant/,
  );
});

test('a role that is not there cannot be bound by who does not hold everything', async () => {
  await assert.rejects(escalation()({ kind: clusterRoleBindingKind, object: binding('gone') }), {
    code: 404,
    message: 'clusterroles.rbac.authorization.k8s.io "gone" not found',
  });
  await escalation()({ kind: clusterRoleBindingKind, object: binding('gone'), user: ADMIN });
});

const SIGNER = 'kubernetes.io/kubelet-serving';
const csr = (status: object = {}) => ({ metadata: { name: 'c' }, spec: { signerName: SIGNER, request: '' }, status });
const mayUse = (verb: string, name: string): Authorizer => ({
  authorize: async (asked) => ({
    decision: asked.resource === 'signers' && asked.verb === verb && asked.name === name ? 'allow' : 'no-opinion',
    reason: '',
  }),
});

test('approving takes the right to approve for the signer, or for all of its domain', async () => {
  const write = { kind: certificateSigningRequestKind, subresource: 'approval', object: csr(), oldObject: csr(), user: JANE };
  await runPlugin(createCertificateApproval(mayUse('approve', SIGNER)), write);
  await runPlugin(createCertificateApproval(mayUse('approve', 'kubernetes.io/*')), write);
  await assert.rejects(runPlugin(createCertificateApproval(mayUse('sign', SIGNER)), write), {
    code: 403,
    message: `certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to approve requests with signerName "${SIGNER}"`,
  });
});

test('signing takes the right to sign; a status without news takes none', async () => {
  const signed = csr({ certificate: 'AAAA' });
  const write = { kind: certificateSigningRequestKind, subresource: 'status', user: JANE, oldObject: csr() };
  await runPlugin(createCertificateSigning(mayUse('sign', SIGNER)), { ...write, object: signed });
  await runPlugin(createCertificateSigning(mayUse('x', '')), { ...write, object: csr() });
  await assert.rejects(
    runPlugin(createCertificateSigning(mayUse('approve', SIGNER)), { ...write, object: signed }),
    /not permitted to sign/,
  );
  await assert.rejects(
    runPlugin(createCertificateSigning(mayUse('x', '')), { ...write, object: csr({ conditions: [{ type: 'Failed' }] }) }),
    /not permitted to sign/,
  );
});

test('nobody gets into system:masters by a certificate', async () => {
  const request = async (signerName: string, ...organizations: string[]) => {
    const pem = await createCertificateRequest({ key: await generatePrivateKey(), commonName: 'jane', organizations });
    return {
      kind: certificateSigningRequestKind,
      object: { metadata: { name: 'c' }, spec: { signerName, request: Buffer.from(pem).toString('base64') } },
    };
  };
  const plugin = createCertificateSubjectRestriction();
  const client = 'kubernetes.io/kube-apiserver-client';
  await runPlugin(plugin, await request(client, 'dev'));
  await runPlugin(plugin, await request('example.com/other', 'system:masters'));
  await assert.rejects(runPlugin(plugin, await request(client, 'dev', 'system:masters')), {
    message: `certificatesigningrequests.certificates.k8s.io "c" is forbidden: use of ${client} signer with system:masters group is not allowed`,
  });
});

test('a token Secret names an account that is there', async () => {
  const objects = new MemoryObjects();
  objects.put(serviceAccountKind, { metadata: { name: 'sa', namespace: 'ns' } });
  const create = (annotations: Record<string, string>, type = 'kubernetes.io/service-account-token') =>
    runPlugin(createTokenSecretCheck(objects), {
      kind: secretKind,
      object: { metadata: { name: 't', namespace: 'ns', annotations }, type },
    });
  await create({ 'kubernetes.io/service-account.name': 'sa' });
  await create({}, 'Opaque');
  await assert.rejects(
    create({}),
    /Secret "t" is invalid: metadata.annotations\[kubernetes.io\/service-account.name\]: Required value/,
  );
  await assert.rejects(create({ 'kubernetes.io/service-account.name': 'x' }), /Not found: "x"/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { createCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { at, BINDINGS, NOW_MS, node, nodeObject, observations, ROLES } from '../checks/observations.test-support.ts';
import { nodeSteps } from './node-steps.ts';
import { longestStretch, stepLines } from './step.ts';

const text = await createCertificateRequest({
  key: await generatePrivateKey(),
  commonName: 'system:node:node-1',
  organizations: ['system:nodes'],
});
/** Seconds ago. */
function clientRequest(madeAgo: number, status: object = {}): V1CertificateSigningRequest {
  return {
    metadata: { name: 'node-csr-x', creationTimestamp: at(-madeAgo * 1000) },
    spec: {
      request: Buffer.from(text).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      username: 'system:bootstrap:abcdef',
      usages: ['client auth'],
    },
    status,
  };
}
const approved = (ago: number) => ({
  conditions: [{ type: 'Approved', status: 'True', reason: 'AutoApproved', lastUpdateTime: at(-ago * 1000) }],
});
const lines = (steps: ReturnType<typeof nodeSteps>) => stepLines(steps).join('\n');

test('it is told step by step when a node came in, and where the 41 seconds went', () => {
  const ready = nodeObject({ ready: { status: 'True', reason: 'KubeletReady', lastTransitionTime: at(-5000) } });
  const registered = { ...ready, metadata: { ...ready.metadata, creationTimestamp: at(-8000) } };
  const client = {
    ...clientRequest(50, { ...approved(9), certificate: 'x' }),
    metadata: {
      ...clientRequest(50).metadata,
      managedFields: [{ manager: 'kube-controller-manager', subresource: 'status', time: at(-9000) }],
    },
  };
  const steps = nodeSteps(observations({ requests: [client], nodes: [node({ node: registered })] }), 'node-1');
  const told = lines(steps);
  assert.match(told, /^✓ request for a client certificate: node-csr-x by system:bootstrap:abcdef$/m);
  assert.match(told, /^✓ approval of node-csr-x: AutoApproved \(\+41 s\)$/m);
  assert.match(told, /^✓ signing of node-csr-x: issued by \S+ \(\+0 s\)$/m);
  assert.match(told, /^✓ certificate fetched: the kubelet has used it$/m);
  assert.match(told, /^✓ Node object: registered \(\+1 s\)$/m);
  assert.match(told, /^✓ Ready: KubeletReady \(\+3 s\)$/m);
  assert.deepEqual(longestStretch(steps), { before: 'approval of node-csr-x', seconds: 41 });
});

test('a node that has not come in is told what holds it up, and what mends it', () => {
  const none = lines(nodeSteps(observations({ nodes: [], requests: [], tokens: [] }), 'node-1'));
  assert.match(none, /^✗ bootstrap token: 0 tokens, none that can be joined with$/m);
  assert.match(none, /^✗ request for a client certificate: there is none$/m);
  const pending = { nodes: [], requests: [clientRequest(600)] };
  const waiting = lines(nodeSteps(observations(pending), 'node-1'));
  assert.match(waiting, /^✗ approval of node-csr-x: Pending: nobody has decided$/m);
  assert.match(
    waiting,
    /^… who may approve: kube-controller-manager does it by itself; it last renewed its Lease 0 minutes ago$/m,
  );
  const alone = lines(nodeSteps(observations({ ...pending, leaders: new Map() }), 'node-1'));
  assert.match(alone, /^… who may approve: .*; it has no Lease in kube-system: it has never led here/m);
  const rbac = { roles: ROLES, bindings: [BINDINGS.bootstrap] };
  const byHand = lines(nodeSteps(observations({ ...pending, rbac }), 'node-1'));
  assert.match(byHand, /^✗ who may approve: nobody by himself.*\n +mend: +kubectl create clusterrolebinding/m);
  const unsigned = lines(nodeSteps(observations({ nodes: [], requests: [clientRequest(600, approved(500))] }), 'node-1'));
  assert.match(unsigned, /^✗ signing of node-csr-x: \S+ does not answer$/m);
  const issued = { nodes: [], requests: [clientRequest(600, { ...approved(500), certificate: 'x' })] };
  const unused = lines(nodeSteps(observations(issued), 'node-1'));
  assert.match(unused, /^… certificate fetched: the kubelet has not come with it yet$/m);
  assert.match(unused, /^… Node object: the kubelet makes it/m);
});

/** What was issued, by when it was asked for and when it ended, in seconds ago. */
async function issuedUntil(endedAgo: number, madeAgo: number) {
  const { certificatePem } = await createSelfSigned({
    ...{ commonName: 'x', dnsNames: [], ipAddresses: [], notBeforeMs: NOW_MS - 900_000, notAfterMs: NOW_MS - endedAgo * 1000 },
  });
  return clientRequest(madeAgo, { ...approved(madeAgo), certificate: Buffer.from(certificatePem).toString('base64') });
}

test('a client certificate that has ended is told, and whether it ever held', async () => {
  const silent = node({ node: nodeObject({ ready: { status: 'Unknown' } }), lease: { spec: { renewTime: at(-600_000) } } });
  const ended = lines(nodeSteps(observations({ requests: [await issuedUntil(120, 800)], nodes: [silent] }), 'node-1'));
  assert.match(
    ended,
    /^✗ certificate fetched: it ended 2 minutes ago .*\n +mend: +when the node is silent: muster rescue node-1$/m,
  );
  const never = lines(nodeSteps(observations({ requests: [await issuedUntil(120, 60)], nodes: [] }), 'node-1'));
  assert.match(
    never,
    /^✗ certificate fetched: it ended .*, before it was asked for: nobody can use it\n +wanted: .*\n +mend: .*--cluster-signing-duration/m,
  );
});

test('a Node that was there before the request is no part of its times', () => {
  const ready = nodeObject({ ready: { status: 'True', reason: 'KubeletReady', lastTransitionTime: at(-5000) } });
  const former = { ...ready, metadata: { ...ready.metadata, creationTimestamp: at(-400_000) } };
  const requests = [clientRequest(20, { ...approved(19), certificate: 'x' })];
  const steps = nodeSteps(observations({ requests, nodes: [node({ node: former })] }), 'node-1');
  assert.match(lines(steps), /^✓ Node object: there since \S+ \S+, before that request$/m);
  assert.deepEqual(longestStretch(steps), { before: 'Ready', seconds: 14 });
});

test('of several requests the newest is told, without the time that passed since the first', () => {
  const denied = { conditions: [{ type: 'Denied', status: 'True', reason: 'No' }] };
  const requests = [
    clientRequest(900, denied),
    { ...clientRequest(20), metadata: { name: 'second', creationTimestamp: at(-20_000) } },
  ];
  const steps = nodeSteps(observations({ requests, nodes: [] }), 'node-1');
  assert.match(lines(steps), /^✓ request for a client certificate: second by system:bootstrap:abcdef, the newest of 2$/m);
  assert.equal(longestStretch(steps), undefined);
});

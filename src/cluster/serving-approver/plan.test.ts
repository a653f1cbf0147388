import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { createCertificateRequest, parseCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { planServingDecision } from './plan.ts';

const key = await generatePrivateKey();
const nodes = new Map([['node-1', { name: 'node-1', addresses: ['127.9.0.1'] }]]);

async function request(more: Partial<Parameters<typeof createCertificateRequest>[0]> = {}) {
  const options = {
    key,
    commonName: 'system:node:node-1',
    organizations: ['system:nodes'],
    dnsNames: ['node-1'],
    ipAddresses: ['127.9.0.1'],
  };
  return parseCertificateRequest(await createCertificateRequest({ ...options, ...more }));
}

function csr(spec: Partial<V1CertificateSigningRequest['spec']> = {}, status?: V1CertificateSigningRequest['status']) {
  return {
    metadata: { name: 'csr-abcde' },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kubelet-serving',
      username: 'system:node:node-1',
      groups: ['system:nodes', 'system:authenticated'],
      usages: ['digital signature', 'server auth'],
      ...spec,
    },
    status,
  } satisfies V1CertificateSigningRequest;
}

test('a node gets a certificate for its own name and address, for both or for either', async () => {
  for (const names of [{}, { dnsNames: [] }, { ipAddresses: [] }])
    assert.equal(planServingDecision(csr(), await request(names), true, nodes).type, 'approve');
});

test('whatever a node may not have is denied with what it is', async () => {
  const cases: [string, V1CertificateSigningRequest, Awaited<ReturnType<typeof request>>, boolean][] = [
    ['127.9.0.2 is not', csr(), await request({ ipAddresses: ['127.9.0.1', '127.9.0.2'] }), true],
    ['kubernetes is not', csr(), await request({ dnsNames: ['node-1', 'kubernetes'] }), true],
    ['it names system:node:node-2', csr(), await request({ commonName: 'system:node:node-2' }), true],
    ['organization is not', csr(), await request({ organizations: ['system:nodes', 'system:masters'] }), true],
    ['usages did not match', csr({ usages: ['client auth', 'digital signature'] }), await request(), true],
    ['signature does not hold', csr(), await request(), false],
    ['group system:nodes', csr({ groups: ['system:authenticated'] }), await request(), true],
    ['is required', csr(), await request({ dnsNames: [], ipAddresses: [] }), true],
  ];
  for (const [why, object, asked, holds] of cases) {
    const decision = planServingDecision(object, asked, holds, nodes);
    assert.equal(decision.type, 'deny', why);
    assert.ok(decision.type === 'deny' && decision.message.includes(why), `${JSON.stringify(decision)} says ${why}`);
  }
});

test('requests of other nodes, other signers and those already decided are left alone', async () => {
  const decided = { conditions: [{ type: 'Denied', status: 'True' }] };
  for (const object of [
    csr({ username: 'system:node:stranger' }),
    csr({ username: 'admin' }),
    csr({ signerName: 'kubernetes.io/kube-apiserver-client-kubelet' }),
    csr({}, decided),
  ])
    assert.equal(planServingDecision(object, await request(), true, nodes).type, 'leave');
});

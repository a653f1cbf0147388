import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateSigningRequestKind as csrKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { conflict, MODIFIED } from '../../api/machinery/status-error.ts';
import { request } from '../../approver/approver-run.test-support.ts';
import { TestingCluster } from '../../controllers/framework/testing-client.test-support.ts';
import { approveServing } from './approve-serving.ts';

const signal = new AbortController().signal;
const addresses = new Map(['node-1', 'node-2', 'node-3'].map((name, i) => [name, [`10.0.0.${i + 1}`]] as const));

async function clusterWith(...requests: readonly V1CertificateSigningRequest[]) {
  const cluster = new TestingCluster();
  for (const one of requests) cluster.put(csrKind, one);
  return {
    cluster,
    run: () => approveServing({ client: cluster.client, addresses, clock: cluster.clock, signal }),
    conditions: (name: string) =>
      (cluster.get<V1CertificateSigningRequest>(csrKind, name)?.status?.conditions ?? []).map(({ type }) => type),
  };
}

const own = (name: string, node: string, address: string) =>
  request({ name, node, dnsNames: [node], ipAddresses: [address] }, { now: () => 0 });

test('requests of hosts for their own names are approved, and those that ask for more are left to people', async () => {
  const { run, conditions } = await clusterWith(
    await own('csr-1', 'node-1', '10.0.0.1'),
    await own('csr-2', 'node-2', '10.0.0.9'),
    await own('csr-3', 'stranger', '10.0.0.3'),
  );
  await run();
  assert.deepEqual(conditions('csr-1'), ['Approved']);
  assert.deepEqual([...conditions('csr-2'), ...conditions('csr-3')], []);
});

test('a request that cannot be read, and one that somebody else approves meanwhile, keep nobody from theirs', async () => {
  const broken = await own('csr-0', 'node-1', '10.0.0.1');
  const { cluster, run, conditions } = await clusterWith(
    { ...broken, spec: { ...broken.spec, request: Buffer.from('no request').toString('base64') } },
    await own('csr-2', 'node-2', '10.0.0.2'),
    await own('csr-3', 'node-3', '10.0.0.3'),
  );
  cluster.beforeWrite = ({ name }) => {
    if (name === 'csr-2') throw conflict(csrKind, name, MODIFIED);
  };
  await run();
  assert.deepEqual(conditions('csr-3'), ['Approved']);
});

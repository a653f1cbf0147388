import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '../../api/machinery/status-error.ts';
import { collectDns } from './collect-dns.ts';
import type { Lister } from './kinds.ts';

const SERVICE = { metadata: { name: 'kube-dns' }, spec: { clusterIP: '10.96.0.10' } };
const SLICE = {
  metadata: { labels: { 'kubernetes.io/service-name': 'kube-dns' } },
  endpoints: [{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'], conditions: { ready: false } }],
};
const ENDPOINTS = {
  metadata: { name: 'kube-dns' },
  subsets: [{ addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], notReadyAddresses: [{ ip: '10.0.0.3' }] }],
};

/** A cluster that serves these resources and no others. */
const serving =
  (resources: Readonly<Record<string, object[]>>): Lister =>
  async <T>({ resource }: { resource: string }) => {
    const found = resources[resource];
    if (!found) throw notFound({ group: '', resource }, '');
    return found as T[];
  };

test('servers of the cluster DNS are counted by slices, and by Endpoints in clusters that are older', async () => {
  const seen = { serviceAddresses: ['10.96.0.10'], endpoints: 1 };
  assert.deepEqual(await collectDns(serving({ services: [SERVICE], endpointslices: [SLICE, { endpoints: [{}] }] })), seen);
  const older = await collectDns(serving({ services: [SERVICE], endpoints: [ENDPOINTS, { metadata: { name: 'other' } }] }));
  assert.deepEqual(older, { ...seen, endpoints: 2 });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin, type WriteCase } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { resourceClaimTemplateKind } from '../../api/resource/v1/resource-claim-template.ts';
import { createDeviceAdminAccess } from './device-admin-access.ts';

const LABEL = 'resource.kubernetes.io/admin-access';
const requests = [
  { name: 'a', exactly: { deviceClassName: 'c' } },
  { name: 'b', exactly: { deviceClassName: 'c', adminAccess: true } },
];
const metadata = { name: 'x', namespace: 'ns' };
const claim = (more: object = {}) => ({ metadata, spec: { devices: { requests } }, ...more });
const template = { metadata, spec: { spec: { devices: { requests } } } };
const allocated = (adminAccess: boolean) =>
  claim({
    status: {
      allocation: {
        devices: { results: [{ request: 'b', driver: 'd', pool: 'p', device: 'v', ...(adminAccess && { adminAccess }) }] },
      },
    },
  });

const write = (labels: Record<string, string>, wanted: WriteCase) => {
  const objects = new MemoryObjects();
  objects.put(namespaceKind, { metadata: { name: 'ns', labels } });
  return runPlugin(createDeviceAdminAccess(objects), wanted);
};

const CASES: readonly (readonly [field: string, WriteCase])[] = [
  ['spec.devices.requests[1].adminAccess', { kind: resourceClaimKind, object: claim() }],
  ['spec.devices.requests[1].adminAccess', { kind: resourceClaimTemplateKind, object: template }],
  [
    'status.allocation.devices.results[0].adminAccess',
    {
      kind: resourceClaimKind,
      operation: 'UPDATE',
      subresource: 'status',
      object: allocated(true),
      oldObject: claim(),
    },
  ],
];

test('devices of others are lent in namespaces whose label says so', async () => {
  for (const [, wanted] of CASES) await write({ [LABEL]: 'true' }, wanted);
});

test('elsewhere they are not, neither to claims nor to templates of them nor by their status', async () => {
  for (const [field, wanted] of CASES)
    for (const labels of [{}, { [LABEL]: 'True' }] as Record<string, string>[])
      await assert.rejects(write(labels, wanted), {
        code: 422,
        message: `${wanted.kind.kind}.resource.k8s.io "x" is invalid: ${field}: Forbidden: admin access to devices requires the \`${LABEL}: true\` label on the containing namespace`,
      });
});

test('what was lent stays so, and what nobody asked to lend needs no label', async () => {
  const status = { kind: resourceClaimKind, operation: 'UPDATE', subresource: 'status' } as const;
  await write({}, { ...status, object: allocated(true), oldObject: allocated(true) });
  await write({}, { ...status, object: allocated(false), oldObject: claim() });
  await write({}, { kind: resourceClaimKind, object: { metadata, spec: { devices: { requests: [requests[0]] } } } });
});

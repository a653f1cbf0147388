import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiServiceKind } from '../apiregistration/v1/api-service.ts';
import { jobKind } from '../batch/v1/job.ts';
import { flowSchemaKind } from '../flowcontrol/v1/flow-schema.ts';
import { priorityLevelConfigurationKind } from '../flowcontrol/v1/priority-level-configuration.ts';
import { resourceClaimKind } from '../resource/v1/resource-claim.ts';
import { volumeAttachmentKind } from '../storage/v1/volume-attachment.ts';
import { testContext } from '../test-specimens.ts';
import type { KindDefinition } from './kind.ts';

const metadata = { name: 'a', uid: 'u', finalizers: ['a.b/stays'] };
const told = {
  name: 'a',
  uid: 'u',
  labels: { a: 'b' },
  annotations: { a: 'b' },
  finalizers: ['a.b/new'],
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'v' }],
};

function writeStatus({ parts }: KindDefinition) {
  const status = parts.find(({ name }) => name === 'status')!;
  const existing = { apiVersion: 'x', kind: 'X', metadata: structuredClone(metadata), spec: { a: 1 } };
  return status.merge(existing, { ...existing, metadata: structuredClone(told), spec: { a: 2 }, status: {} }, testContext);
}

test('who writes the status of such kinds changes nothing else of them', () => {
  for (const kind of [apiServiceKind, flowSchemaKind, priorityLevelConfigurationKind, resourceClaimKind, volumeAttachmentKind]) {
    const written = writeStatus(kind);
    assert.deepEqual(written.metadata, metadata, kind.kind);
    assert.deepEqual(written['spec'], { a: 1 }, kind.kind);
    assert.deepEqual(written['status'], {}, kind.kind);
  }
});

test('of most kinds metadata may change along with the status', () => {
  assert.deepEqual(writeStatus(jobKind).metadata, told);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobKind } from '../../api/batch/v1/job.ts';
import type { V1Job } from '../../api/gen/types.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { prepareCreate } from './prepare-create.ts';

test('what the server decides is there when a kind prepares its objects: a Job selects its pods by its own uid', () => {
  const job: DynamicObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'default' },
    spec: { template: { metadata: {}, spec: { containers: [], restartPolicy: 'Never' } } },
  };
  const context = { nowMs: 0, user: { name: 'u', groups: [] } };
  prepareCreate(jobKind, job, context, { uid: 'the-uid', random: () => 0 });
  const { spec } = job as unknown as V1Job;
  assert.equal(spec?.selector?.matchLabels?.['batch.kubernetes.io/controller-uid'], 'the-uid');
  assert.equal(spec.template.metadata?.labels?.['batch.kubernetes.io/controller-uid'], 'the-uid');
});

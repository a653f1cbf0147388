import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { planRollback } from './rollback.ts';

const WISH = 'deprecated.deployment.rollback.to';
const REVISION = 'deployment.kubernetes.io/revision';
const template = (image: string, labels: object = {}) => ({
  metadata: { labels: { app: 'web', ...labels } },
  spec: { containers: [{ name: 'c', image }] },
});
const set = (image: string, revision: string) =>
  ({
    metadata: { name: image, annotations: { [REVISION]: revision, 'kubernetes.io/change-cause': image } },
    spec: { template: template(image, { 'pod-template-hash': image }) },
  }) as unknown as V1ReplicaSet;
const deployment = {
  metadata: { name: 'web', annotations: { [WISH]: '0', [REVISION]: '3', 'kubernetes.io/change-cause': 'three' } },
  spec: { replicas: 2, template: template('three') },
} as unknown as V1Deployment;
const sets = [set('one', '1'), set('three', '3'), set('two', '2')];

test('a wish to go back takes the template and the annotations of the revision, and is fulfilled', () => {
  for (const [revision, image, told] of [
    [1n, 'one', '1'],
    [0n, 'two', '2'],
  ] as const) {
    const { deployment: written, event } = planRollback(deployment, revision, sets);
    assert.deepEqual(written.spec, { replicas: 2, template: template(image) });
    assert.deepEqual(written.metadata?.annotations, { [REVISION]: '3', 'kubernetes.io/change-cause': image });
    assert.deepEqual(event, {
      type: 'Normal',
      reason: 'DeploymentRollback',
      message: `Rolled back deployment "web" to revision ${told}`,
    });
  }
});

test('a wish that cannot be fulfilled is taken off and told', () => {
  const cases = [
    [9n, sets, 'DeploymentRollbackRevisionNotFound'],
    [0n, [set('three', '1')], 'DeploymentRollbackRevisionNotFound'],
    [3n, sets, 'DeploymentRollbackTemplateUnchanged'],
  ] as const;
  for (const [revision, from, reason] of cases) {
    const { deployment: written, event } = planRollback(deployment, revision, from);
    assert.equal(event.reason, reason);
    assert.deepEqual(written.spec, deployment.spec);
    assert.equal(written.metadata?.annotations?.[WISH], undefined);
  }
});

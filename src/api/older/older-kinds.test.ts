import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { runAtOnce } from '../../std/pauses.ts';
import { allKinds } from '../all-kinds.ts';
import { decodeObject } from '../machinery/decode.ts';
import { apiVersionOf, type KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { schemaNames } from '../machinery/schema.ts';
import { olderKinds } from './older-kinds.ts';

const idOf = (kind: Pick<KindDefinition, 'group' | 'version' | 'kind'>) => `${apiVersionOf(kind)} ${kind.kind}`;
const find = (apiVersion: string, name: string) => {
  const found = olderKinds.find((kind) => apiVersionOf(kind) === apiVersion && kind.kind === name);
  assert.ok(found, `${apiVersion} ${name}`);
  return found;
};

before(async () => {
  for (const kind of olderKinds) await (kind as { loadFirst?: () => Promise<void> }).loadFirst?.();
});

/** As a create does it up to the store. */
function make(kind: KindDefinition, fields: object): DynamicObject {
  const body = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: 'a' }, ...structuredClone(fields) };
  const { object } = decodeObject(kind, body);
  kind.setDefaults?.(object);
  return object;
}

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };

test('no two kinds have the same name, and each has a schema of its own', () => {
  const ids = [...allKinds, ...olderKinds].map(idOf);
  assert.equal(new Set(ids).size, ids.length);
  const schemas = new Set(schemaNames());
  for (const kind of olderKinds) assert.ok(schemas.has(kind.schema), kind.schema);
  const own = olderKinds.map(({ schema }) => schema);
  assert.equal(new Set(own).size, own.length);
});

test('every one is stored as a kind of today, where that one is stored', () => {
  const today = new Map(allKinds.filter((kind) => !kind.storedAs).map((kind) => [idOf(kind), kind]));
  for (const kind of olderKinds) {
    const stored = today.get(idOf(kind.storedAs!));
    assert.ok(stored, idOf(kind));
    assert.equal(kind.storagePath, stored.storagePath);
    assert.match(kind.deprecation ?? '', / is deprecated in v1\.\d+\+, unavailable in v1\.\d+\+; use /);
  }
});

test('an object with nothing in it survives the way into the store and back', () => {
  for (const kind of olderKinds) {
    const object = make(kind, {});
    const frozen = JSON.stringify(object);
    const stored = kind.storedAs!.toStored(object);
    assert.equal(`${stored.apiVersion} ${stored.kind}`, idOf(kind.storedAs!), idOf(kind));
    const again = kind.storedAs!.fromStored(stored);
    assert.equal(again.apiVersion, apiVersionOf(kind));
    assert.deepEqual(kind.storedAs!.fromStored(kind.storedAs!.toStored(again)), again);
    assert.equal(JSON.stringify(object), frozen, idOf(kind));
  }
});

test('workloads select what their template makes, and have the defaults of their time', () => {
  const spec = (apiVersion: string, kind: string) =>
    make(find(apiVersion, kind), { spec: { template } })['spec'] as Record<string, unknown>;
  const selector = { matchLabels: { app: 'web' } };
  const old = spec('extensions/v1beta1', 'Deployment');
  assert.deepEqual(old['selector'], selector);
  assert.deepEqual(old['strategy'], { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } });
  assert.equal(old['revisionHistoryLimit'], 2_147_483_647);
  assert.equal(old['progressDeadlineSeconds'], 2_147_483_647);
  const middle = spec('apps/v1beta1', 'Deployment');
  assert.deepEqual(middle['selector'], selector);
  assert.equal(middle['revisionHistoryLimit'], 2);
  assert.equal(middle['progressDeadlineSeconds'], 600);
  assert.equal(spec('apps/v1beta2', 'Deployment')['revisionHistoryLimit'], 10);
  assert.deepEqual(spec('extensions/v1beta1', 'DaemonSet')['updateStrategy'], { type: 'OnDelete' });
  assert.equal((spec('apps/v1beta2', 'DaemonSet')['updateStrategy'] as { type: string }).type, 'RollingUpdate');
  assert.deepEqual(spec('apps/v1beta1', 'StatefulSet')['updateStrategy'], { type: 'OnDelete' });
});

test('what a workload was asked to roll back to, and how often its template changed, are annotations today', () => {
  const deployment = find('extensions/v1beta1', 'Deployment').storedAs!;
  const stored = deployment.toStored(
    make(find('extensions/v1beta1', 'Deployment'), { spec: { template, rollbackTo: { revision: 3 } } }),
  );
  assert.equal(stored.metadata.annotations?.['deprecated.deployment.rollback.to'], '3');
  assert.equal((stored['spec'] as { rollbackTo?: object }).rollbackTo, undefined);
  assert.deepEqual((deployment.fromStored(stored)['spec'] as { rollbackTo?: object }).rollbackTo, { revision: 3 });
  const set = find('extensions/v1beta1', 'DaemonSet').storedAs!;
  const shown = set.fromStored(
    set.toStored(make(find('extensions/v1beta1', 'DaemonSet'), { spec: { template, templateGeneration: 4 } })),
  );
  assert.equal((shown['spec'] as { templateGeneration?: number }).templateGeneration, 4);
  assert.equal(shown.metadata.annotations, undefined);
});

test('an Ingress names its service and port side by side', () => {
  const kind = find('extensions/v1beta1', 'Ingress');
  const spec = {
    backend: { serviceName: 'other', servicePort: 'http' },
    rules: [{ host: 'a.example', http: { paths: [{ path: '/x', backend: { serviceName: 'web', servicePort: 80 } }] } }],
  };
  const object = make(kind, { spec });
  const stored = kind.storedAs!.toStored(object);
  assert.deepEqual(stored['spec'], {
    defaultBackend: { service: { name: 'other', port: { name: 'http' } } },
    rules: [
      {
        host: 'a.example',
        http: {
          paths: [
            { path: '/x', pathType: 'ImplementationSpecific', backend: { service: { name: 'web', port: { number: 80 } } } },
          ],
        },
      },
    ],
  });
  assert.deepEqual(kind.storedAs!.fromStored(stored)['spec'], object['spec']);
});

test('a budget’s empty selector selects nothing, as it did', () => {
  const { toStored, fromStored } = find('policy/v1beta1', 'PodDisruptionBudget').storedAs!;
  const budget = (selector: object) => make(find('policy/v1beta1', 'PodDisruptionBudget'), { spec: { selector } });
  const stored = toStored(budget({}));
  assert.deepEqual((stored['spec'] as { selector: object }).selector, {
    matchExpressions: [{ key: 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match', operator: 'Exists' }],
  });
  assert.deepEqual((fromStored(stored)['spec'] as { selector: object }).selector, {});
  const all = fromStored({ ...stored, spec: { selector: {} } });
  assert.deepEqual((toStored(all)['spec'] as { selector: object }).selector, {});
});

test('subjects of v1alpha1 name a version, and everybody is a group today', () => {
  const kind = find('rbac.authorization.k8s.io/v1alpha1', 'ClusterRoleBinding');
  const object = make(kind, {
    roleRef: { kind: 'ClusterRole', name: 'r' },
    subjects: [
      { kind: 'User', name: '*' },
      { kind: 'User', name: 'u' },
      { kind: 'ServiceAccount', name: 's', namespace: 'n' },
    ],
  });
  const stored = kind.storedAs!.toStored(object);
  assert.deepEqual(stored['subjects'], [
    { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' },
    { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'u' },
    { kind: 'ServiceAccount', name: 's', namespace: 'n' },
  ]);
  assert.deepEqual(
    (kind.storedAs!.fromStored(stored)['subjects'] as { apiVersion: string }[]).map(({ apiVersion }) => apiVersion),
    ['rbac.authorization.k8s.io/v1alpha1', 'rbac.authorization.k8s.io/v1alpha1', 'v1'],
  );
});

test('every metric that autoscaling/v2beta1 knew is the same one today', () => {
  const kind = find('autoscaling/v2beta1', 'HorizontalPodAutoscaler');
  const metrics = [
    { type: 'Resource', resource: { name: 'cpu', targetAverageUtilization: 50 } },
    { type: 'Resource', resource: { name: 'memory', targetAverageValue: '100Mi' } },
    { type: 'Pods', pods: { metricName: 'requests', targetAverageValue: '10' } },
    {
      type: 'Object',
      object: { target: { kind: 'Ingress', name: 'main' }, metricName: 'hits', targetValue: '2k' },
    },
    { type: 'External', external: { metricName: 'queue', targetAverageValue: '30' } },
    { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'app', targetAverageUtilization: 60 } },
  ];
  const object = make(kind, {
    spec: { maxReplicas: 5, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, metrics },
  });
  const context = { nowMs: 0, user: { name: 'u', groups: [] } };
  assert.deepEqual(kind.validate!(object, context), []);
  const stored = kind.storedAs!.toStored(object);
  assert.deepEqual((stored['spec'] as { metrics: unknown[] }).metrics[0], {
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
  });
  assert.deepEqual((kind.storedAs!.fromStored(stored)['spec'] as { metrics: unknown }).metrics, metrics);
});

test('where an endpoint is was said by labels', () => {
  const kind = find('discovery.k8s.io/v1beta1', 'EndpointSlice');
  const topology = { 'topology.kubernetes.io/zone': 'z1', 'topology.kubernetes.io/region': 'r1' };
  const stored = kind.storedAs!.toStored(make(kind, { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], topology }] }));
  assert.deepEqual(stored['endpoints'], [
    { addresses: ['10.0.0.1'], conditions: {}, zone: 'z1', deprecatedTopology: { 'topology.kubernetes.io/region': 'r1' } },
  ]);
  assert.deepEqual((kind.storedAs!.fromStored(stored)['endpoints'] as { topology: object }[])[0]!.topology, topology);
});

test('a webhook may have the side effects and the only review that this version let through, and must be right otherwise', () => {
  const kind = find('admissionregistration.k8s.io/v1beta1', 'ValidatingWebhookConfiguration');
  const context = { nowMs: 0, user: { name: 'u', groups: [] } };
  const told = (name: string) => {
    const webhooks = [
      { name, sideEffects: 'Some', admissionReviewVersions: ['v9'], clientConfig: { url: 'https://a.example.com' } },
    ];
    const errors = [
      ...(kind.validate?.(make(kind, { webhooks }), context) ?? []),
      ...runAtOnce(kind.validateInSteps!(make(kind, { webhooks }), context)),
    ];
    return errors.map(({ field }) => field);
  };
  assert.deepEqual(told('a.example.com'), []);
  assert.deepEqual(told('a'), ['webhooks[0].name']);
});

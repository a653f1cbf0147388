import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ResourceQuota } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { describeResourceList } from '../machinery/resource-list.ts';
import { evaluatorFor, isQuotable, matchesQuota } from './evaluators.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const asObject = (object: object) => object as DynamicObject;
const pods = evaluatorFor({ group: '', resource: 'pods' });
const services = evaluatorFor({ group: '', resource: 'services' });
const claims = evaluatorFor({ group: '', resource: 'persistentvolumeclaims' });

const container = (name: string, requests: object = {}, limits: object = {}) => ({ name, resources: { requests, limits } });
const pod = (spec: object, more: object = {}) =>
  asObject({ metadata: { name: 'p' }, spec: { containers: [], ...spec }, ...more });
const usageOf = (object: DynamicObject) => describeResourceList(pods.usage(object, NOW));

test('a pod uses what its containers ask for and may use, under all the names that quotas have for it', () => {
  const containers = [
    container('a', { cpu: '100m', memory: '1Gi', 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi' }, { cpu: '1' }),
    container('b', { cpu: '200m' }, { cpu: '500m', 'ephemeral-storage': '3Gi' }),
  ];
  assert.equal(
    usageOf(pod({ containers })),
    'count/pods=1,cpu=300m,hugepages-2Mi=4Mi,limits.cpu=1500m,limits.ephemeral-storage=3Gi,memory=1Gi,pods=1,requests.cpu=300m,requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi,requests.memory=1Gi',
  );
});

test('init containers count for the most that they need beside sidecars, and overhead is added', () => {
  const initContainers = [
    { ...container('sidecar', { cpu: '100m' }), restartPolicy: 'Always' },
    container('init', { cpu: '500m' }),
  ];
  const spec = { initContainers, containers: [container('c', { cpu: '200m' })], overhead: { cpu: '10m' } };
  assert.match(usageOf(pod(spec)), /requests\.cpu=610m/);
});

test('what is given to the pod as a whole counts instead of its containers', () => {
  const spec = { containers: [container('c', { cpu: '200m' })], resources: { requests: { cpu: '1', 'example.com/gpu': '9' } } };
  assert.match(usageOf(pod(spec)), /^count\/pods=1,cpu=1,pods=1,requests\.cpu=1$/);
});

test('a resized pod counts for the most of what it asks for and has', () => {
  const status = {
    containerStatuses: [{ name: 'c', allocatedResources: { cpu: '300m' }, resources: { requests: { cpu: '250m' } } }],
  };
  assert.match(usageOf(pod({ containers: [container('c', { cpu: '200m' })] }, { status })), /requests\.cpu=300m/);
});

test('a pod that has ended, or whose time was up long ago, is only an object', () => {
  assert.equal(usageOf(pod({}, { status: { phase: 'Succeeded' } })), 'count/pods=1');
  const going = (deletionTimestamp: string) => pod({}, { metadata: { deletionTimestamp, deletionGracePeriodSeconds: 30 } });
  assert.equal(usageOf(going('2025-12-31T23:59:00Z')), 'count/pods=1');
  assert.equal(usageOf(going('2025-12-31T23:59:50Z')), 'count/pods=1,pods=1');
});

test('a quota on cpu and memory makes every container name them', () => {
  const containers = [container('b', { cpu: '1' }), container('a')];
  const complaint = pods.complaint!(new Set(['cpu', 'limits.memory', 'pods', 'requests.storage']), pod({ containers }));
  assert.equal(complaint, 'must specify cpu for: a; limits.memory for: a,b');
  assert.equal(pods.complaint!(new Set(['requests.cpu']), pod({ containers: containers.slice(0, 1) })), undefined);
});

test('a quota makes no container of a pod say anything that is given resources as a whole', () => {
  const required = new Set(['cpu', 'limits.memory']);
  const complaint = (resources: object) => pods.complaint!(required, pod({ containers: [container('a')], resources }));
  assert.equal(complaint({ limits: { cpu: '1' } }), undefined);
  for (const none of [{}, { requests: {} }, { requests: { 'example.com/gpu': '1' } }])
    assert.equal(complaint(none), 'must specify cpu for: a; limits.memory for: a', JSON.stringify(none));
});

const quota = (spec: object): V1ResourceQuota => ({ spec, status: { hard: { pods: '1' } } });

for (const [scope, spec, matches] of [
  [{ scopes: ['Terminating'] }, { activeDeadlineSeconds: 0 }, true],
  [{ scopes: ['Terminating'] }, {}, false],
  [{ scopes: ['NotTerminating', 'BestEffort'] }, {}, true],
  [{ scopes: ['NotBestEffort'] }, { containers: [container('c', { cpu: '1' })] }, true],
  [{ scopes: ['PriorityClass'] }, {}, false],
  [{ scopes: ['PriorityClass'] }, { priorityClassName: 'high' }, true],
  [{ scopes: ['CrossNamespacePodAffinity'] }, { affinity: { podAffinity: {} } }, false],
  [
    { scopes: ['CrossNamespacePodAffinity'] },
    { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ namespaceSelector: {} }] } } },
    true,
  ],
  [
    { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['a'] }] } },
    { priorityClassName: 'a' },
    true,
  ],
  [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'NotIn', values: ['a'] }] } }, {}, true],
  [{ scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'DoesNotExist' }] } }, {}, true],
] as const) {
  test(`a quota with ${JSON.stringify(scope)} ${matches ? 'counts' : 'does not count'} a pod with ${JSON.stringify(spec)}`, () => {
    assert.equal(matchesQuota(pods, quota(scope), pod(spec)), matches);
  });
}

test('a quota with scopes counts no kinds that have none', () => {
  const withScope: V1ResourceQuota = { spec: { scopes: ['Terminating'] }, status: { hard: { services: '1' } } };
  assert.equal(matchesQuota(services, withScope, asObject({ spec: {} })), false);
});

for (const [spec, nodePorts, loadBalancers] of [
  [{ type: 'ClusterIP', ports: [{}] }, 0, 0],
  [{ type: 'NodePort', ports: [{}, {}] }, 2, 0],
  [{ type: 'LoadBalancer', ports: [{}] }, 1, 1],
  [{ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ nodePort: 30_000 }, {}] }, 1, 1],
] as const) {
  test(`a service like ${JSON.stringify(spec)} uses ${nodePorts} node ports and ${loadBalancers} load balancers`, () => {
    assert.equal(
      describeResourceList(services.usage(asObject({ spec }), NOW)),
      `count/services=1,services=1,services.loadbalancers=${loadBalancers},services.nodeports=${nodePorts}`,
    );
  });
}

test('a claim counts by its class, in whole bytes, and for what a growing volume was promised', () => {
  const claim = (status: object = {}) =>
    asObject({ spec: { storageClassName: 'gold', resources: { requests: { storage: '1500m' } } }, status });
  assert.equal(
    describeResourceList(claims.usage(claim(), NOW)),
    'count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=2,persistentvolumeclaims=1,requests.storage=2',
  );
  assert.match(describeResourceList(claims.usage(claim({ allocatedResources: { storage: '3' } }), NOW)), /,requests\.storage=3$/);
});

test('a claim is within the scope of every attributes class that it has, had or will have', () => {
  const claim = asObject({ spec: { volumeAttributesClassName: 'fast' }, status: { currentVolumeAttributesClassName: 'slow' } });
  const within = (values: string[]) =>
    claims.matchesScope!({ scopeName: 'VolumeAttributesClass', operator: 'In', values }, claim);
  assert.deepEqual([within(['fast']), within(['slow']), within(['other'])], [true, true, false]);
});

test('other kinds are counted, some under their old names as well; events are not', () => {
  assert.deepEqual(evaluatorFor({ group: '', resource: 'secrets' }).matchingResources(['secrets', 'count/secrets', 'pods']), [
    'secrets',
    'count/secrets',
  ]);
  const widgets = evaluatorFor({ group: 'example.com', resource: 'widgets' });
  assert.equal(describeResourceList(widgets.usage(asObject({}), NOW)), 'count/widgets.example.com=1');
  assert.deepEqual(widgets.matchingResources(['__proto__', 'constructor']), []);
  assert.equal(isQuotable({ group: 'events.k8s.io', resource: 'events' }), false);
});

test('a claim of devices is charged by class, for the most that its alternatives take', () => {
  const spec = {
    devices: {
      requests: [
        { name: 'a', exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 2 } },
        {
          name: 'b',
          firstAvailable: [
            { deviceClassName: 'gpu', count: 3 },
            { deviceClassName: 'gpu', count: 1 },
          ],
        },
        { name: 'c', exactly: { deviceClassName: 'nic', allocationMode: 'All' } },
      ],
    },
  };
  assert.equal(
    describeResourceList(evaluatorFor({ group: 'resource.k8s.io', resource: 'resourceclaims' }).usage(asObject({ spec }), NOW)),
    'count/resourceclaims.resource.k8s.io=1,gpu.deviceclass.resource.k8s.io/devices=5,nic.deviceclass.resource.k8s.io/devices=32,' +
      'requests.deviceclass.resource.kubernetes.io/gpu=5,requests.deviceclass.resource.kubernetes.io/nic=32',
  );
});

test('what fifty thousand containers lack is told once, by their names', () => {
  const containers = Array.from({ length: 50_000 }, (_, i) => container(`c${i}`, { cpu: '1' }));
  const complaint = pods.complaint!(new Set(['requests.cpu', 'limits.cpu', 'memory']), pod({ containers }))!;
  assert.match(complaint, /^must specify limits\.cpu for: c0,c1,c10,/);
  assert.equal(complaint.split(',').length, 2 * 50_000 - 1);
});

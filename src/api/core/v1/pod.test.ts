import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../gen/types.ts';
import { cloneJson } from '../../machinery/clone.ts';
import { decodeObject } from '../../machinery/decode.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { podKind } from './pod.ts';
import { qualityOfService } from './quality-of-service.ts';

await podKind.loadFirst?.();

const context: WriteContext = { nowMs: 0, user: { name: 'u', groups: [] } };
const make = (spec: object): DynamicObject => {
  const { object } = decodeObject(podKind, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'b' },
    spec: structuredClone(spec),
  });
  podKind.setDefaults!(object);
  return object;
};
const container = { name: 'c', image: 'nginx' };
const complaints = (spec: object) => podKind.validate!(make(spec), context).map(({ field, message }) => `${field}: ${message}`);

test('a pod of two lines gets all defaults', () => {
  assert.deepEqual(make({ containers: [container] })['spec'], {
    containers: [
      {
        name: 'c',
        image: 'nginx',
        imagePullPolicy: 'Always',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        resources: {},
      },
    ],
    dnsPolicy: 'ClusterFirst',
    restartPolicy: 'Always',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  });
});

test('images whose tag does not move are not pulled again', () => {
  const policy = (image: string) => (make({ containers: [{ name: 'c', image }] }) as V1Pod).spec!.containers[0]!.imagePullPolicy;
  assert.equal(policy('nginx:latest'), 'Always');
  assert.equal(policy('registry:5000/nginx'), 'Always');
  assert.equal(policy('nginx:1.25'), 'IfNotPresent');
  assert.equal(policy('nginx@sha256:0000'), 'IfNotPresent');
});

test('probes, ports, volumes and limits get their defaults', () => {
  const { spec } = make({
    hostNetwork: true,
    containers: [
      {
        ...container,
        ports: [{ containerPort: 80 }],
        livenessProbe: { httpGet: { port: 80 } },
        resources: { limits: { cpu: '1' } },
      },
    ],
    volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 'x' } }],
    serviceAccount: 'old-name',
  }) as V1Pod;
  assert.deepEqual(spec!.containers[0]!.ports, [{ containerPort: 80, protocol: 'TCP', hostPort: 80 }]);
  assert.deepEqual(spec!.containers[0]!.livenessProbe, {
    httpGet: { port: 80, path: '/', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(spec!.containers[0]!.resources, { limits: { cpu: '1' }, requests: { cpu: '1' } });
  assert.deepEqual(spec!.volumes, [
    { name: 'v', emptyDir: {} },
    { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
  ]);
  assert.equal(spec!.serviceAccountName, 'old-name');
});

test('what cannot run is refused in upstream words', () => {
  const cases: readonly [object, string][] = [
    [{ containers: [] }, 'spec.containers: Required value'],
    [{ containers: [{ image: 'x' }] }, 'spec.containers[0].name: Required value'],
    [{ containers: [{ name: 'c' }] }, 'spec.containers[0].image: Required value'],
    [{ containers: [container, container] }, 'spec.containers[1].name: Duplicate value: "c"'],
    [
      { containers: [container], restartPolicy: 'Sometimes' },
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      { containers: [{ ...container, ports: [{ containerPort: 70000 }] }] },
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      { containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }] },
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      { containers: [container], volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] },
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [{ containers: [container], volumes: [{ name: 'v', secret: {} }] }, 'spec.volumes[0].secret.secretName: Required value'],
    [
      { containers: [{ ...container, livenessProbe: {} }] },
      'spec.containers[0].livenessProbe: Required value: must specify a handler type',
    ],
    [
      { containers: [container], activeDeadlineSeconds: 0 },
      'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    ],
  ];
  for (const [spec, complaint] of cases) assert.deepEqual(complaints(spec), [complaint]);
});

test('a new pod is pending and knows its class', () => {
  const object = make({ containers: [container] });
  object['status'] = { phase: 'Running', podIP: '1.2.3.4' };
  podKind.prepareForCreate!(object, context);
  assert.deepEqual(object['status'], { phase: 'Pending', qosClass: 'BestEffort' });
});

test('the class follows from what is asked for and allowed', () => {
  const of = (resources: object) => qualityOfService({ containers: [{ name: 'c', resources }] });
  assert.equal(of({}), 'BestEffort');
  assert.equal(of({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(of({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }), 'Guaranteed');
  assert.equal(of({ limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } }), 'Burstable');
});

test('of a pod, only a few things change', () => {
  const existing = make({ containers: [container], tolerations: [{ key: 'a', operator: 'Exists' }] });
  const change = (edit: (spec: NonNullable<V1Pod['spec']>) => unknown, subresource?: string) => {
    const updated = cloneJson(existing);
    edit((updated as V1Pod).spec!);
    return podKind.validateUpdate!(updated, existing, { ...context, subresource }).map(
      ({ field, message }) => `${field}: ${message}`,
    );
  };
  assert.deepEqual(
    change((spec) => Object.assign(spec.containers[0]!, { image: 'nginx:2' })),
    [],
  );
  assert.deepEqual(
    change((spec) => spec.tolerations!.push({ key: 'b', operator: 'Exists' })),
    [],
  );
  assert.match(
    change((spec) => Object.assign(spec, { hostname: 'x' }))[0]!,
    /^spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`/,
  );
  assert.deepEqual(
    change((spec) => spec.containers.push({ name: 'd' })),
    ['spec.containers: Forbidden: pod updates may not add or remove containers'],
  );
  assert.deepEqual(
    change((spec) => Object.assign(spec, { tolerations: [] })),
    ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
  );
  assert.match(change((spec) => Object.assign(spec, { nodeName: 'n' }))[0]!, /^spec: Forbidden/);
  assert.deepEqual(
    change((spec) => Object.assign(spec, { nodeName: 'n' }), 'binding'),
    [],
  );
});

test('only what runs needs time to end', () => {
  const object = make({ containers: [container], nodeName: 'n', terminationGracePeriodSeconds: 20 });
  const seconds = podKind.gracePeriodSeconds!;
  assert.equal(seconds(object, undefined), 20);
  assert.equal(seconds(object, 5), 5);
  assert.equal(seconds(object, 0), 0);
  assert.equal(seconds({ ...object, status: { phase: 'Succeeded' } }, 5), 0);
  assert.equal(seconds(make({ containers: [container] }), undefined), 0);
});

test('the status subresource changes status and labels, not spec, owners or the time of deletion', () => {
  const status = podKind.parts.find(({ name }) => name === 'status')!;
  const existing = make({ containers: [container] });
  const requested = cloneJson(existing);
  (requested as V1Pod).spec!.hostname = 'x';
  requested.metadata.labels = { a: 'b' };
  requested.metadata.deletionTimestamp = '2020-01-01T00:00:00Z';
  requested.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }];
  requested['status'] = { phase: 'Running' };
  const merged = status.merge(cloneJson(existing), requested, context);
  assert.deepEqual(merged['spec'], existing['spec']);
  assert.deepEqual(merged.metadata, { ...existing.metadata, labels: { a: 'b' } });
  assert.deepEqual(merged['status'], { phase: 'Running' });
});

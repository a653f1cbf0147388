/** Bodies with as many items as there is room for: what compares each with each, or tells all with each, takes minutes or the memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateSigningRequestKind } from './certificates/v1/certificate-signing-request.ts';
import { endpointsKind } from './core/v1/endpoints.ts';
import { limitRangeKind } from './core/v1/limit-range.ts';
import { nodeKind } from './core/v1/node.ts';
import { matchesNodeSelectorTerm } from './core/v1/node-selection.ts';
import { podKind } from './core/v1/pod.ts';
import { podRequests } from './core/v1/pod-resource-usage.ts';
import { resourceQuotaKind } from './core/v1/resource-quota.ts';
import { serviceKind } from './core/v1/service.ts';
import { endpointSliceKind } from './discovery/v1/endpoint-slice.ts';
import type { V1Pod } from './gen/types.ts';
import type { KindDefinition } from './machinery/kind.ts';
import type { DynamicObject } from './machinery/object.ts';
import { decodePem } from './machinery/pem.ts';
import { invalid } from './machinery/status-error.ts';
import { validateMetadata } from './machinery/validate-metadata.ts';
import { networkPolicyKind } from './networking/v1/network-policy.ts';
import { csiNodeKind } from './storage/v1/csi-node.ts';
import { storageClassKind } from './storage/v1/storage-class.ts';
import { specimensOf, testContext } from './test-specimens.ts';

const times = <T>(count: number, item: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i));
const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
const pod = (spec: object) => ({ spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
const containers = (count: number, more: object = {}) => times(count, (i) => ({ name: `c${i}`, image: 'i', ...more }));

/** How long the answer is that tells of everything that is wrong. */
function lengthTold(kind: KindDefinition, fields: object, metadata: object = {}): number {
  const object = specimensOf(kind).make(fields, metadata);
  const errors = [...(kind.validate?.(object, testContext) ?? []), ...validateMetadata(object.metadata, kind)];
  assert.ok(errors.length > 0);
  return JSON.stringify(invalid(kind, 'a', errors).status).length;
}

test('complaints that each show a whole list are told as far as there is room', () => {
  const lengths = [
    lengthTold(podKind, pod({ volumes: [{ name: 'v', quobyte: { registry: ','.repeat(100_000), volume: 'v' } }] })),
    lengthTold(
      podKind,
      pod({
        resourceClaims: times(15_000, (i) => ({ name: `a${i}`, resourceClaimName: 'x' })),
        containers: [{ name: 'c', image: 'i', resources: { claims: times(50_000, (i) => ({ name: `z${i}` })) } }],
      }),
    ),
    lengthTold(
      podKind,
      pod({
        containers: containers(1, {
          securityContext: { allowPrivilegeEscalation: false, capabilities: { add: times(100_000, () => 'CAP_SYS_ADMIN') } },
        }),
      }),
    ),
    lengthTold(csiNodeKind, {
      spec: { drivers: [{ name: 'a', nodeID: 'b', topologyKeys: times(50_000, (i) => `!${i}`) }] },
    }),
    lengthTold(resourceQuotaKind, {
      spec: {
        hard: Object.fromEntries(times(1000, (i) => [`hugepages-${i}`, '1'])),
        scopes: times(20_000, () => 'BestEffort'),
      },
    }),
    lengthTold(
      podKind,
      pod({}),
      // Each says that it is the controller.
      {
        ownerReferences: times(20_000, (i) => ({ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: `${i}`, controller: true })),
      },
    ),
  ];
  for (const length of lengths) assert.ok(length < 6_000_000, `${length}`);
});

test('items of long lists are looked up, not searched for', () => {
  const creations: readonly (readonly [KindDefinition, object, object?])[] = [
    [serviceKind, { spec: { ports: [{ port: 1 }], ipFamilies: times(200_000, (i) => `f${i}`) } }],
    [certificateSigningRequestKind, { spec: { request: 'YQ==', signerName: 'a.b/c', usages: times(200_000, (i) => `f${i}`) } }],
    [
      podKind,
      pod({
        volumes: times(30_000, (i) => ({ name: `v${i}`, emptyDir: {} })),
        containers: containers(1, {
          env: times(15_000, (i) => ({
            name: `x${i}`,
            valueFrom: { fileKeyRef: { volumeName: 'v0', key: 'k', path: 'p' } },
          })),
        }),
      }),
    ],
    [
      podKind,
      pod({ containers: containers(30_000) }),
      {
        annotations: Object.fromEntries(
          times(20_000, (i) => [`container.apparmor.security.beta.kubernetes.io/z${i}`, 'unconfined']),
        ),
      },
    ],
    [
      storageClassKind,
      {
        provisioner: 'a',
        allowedTopologies: times(3000, (i) => ({ matchLabelExpressions: [{ key: `a${i}`, values: ['b'] }] })),
      },
    ],
  ];
  for (const [kind, fields, metadata] of creations) assert.ok(specimensOf(kind).complaints(fields, metadata));
});

test('what an update leaves as it is stored is looked up, too', () => {
  const except = times(60_000, (i) => `${address(i)}/32`);
  const unchanged: readonly (readonly [KindDefinition, object])[] = [
    [networkPolicyKind, { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except } }] }] } }],
    [serviceKind, { spec: { ports: [{ port: 1 }], externalIPs: times(60_000, address) } }],
    [
      endpointSliceKind,
      { addressType: 'IPv4', endpoints: times(1000, (e) => ({ addresses: times(100, (i) => address(e * 256 + i)) })) },
    ],
  ];
  for (const [kind, fields] of unchanged) assert.deepEqual(specimensOf(kind).changes(fields, fields), [], kind.kind);
});

test('stop signals and odd paths of thousands of containers are nothing to an update', () => {
  const { created } = specimensOf(podKind);
  const before = created(pod({ containers: containers(20_000) }));
  const after = created(pod({ containers: containers(20_000, { lifecycle: { stopSignal: 'SIGHUP' } }) }));
  podKind.prepareForUpdate!(after, before, testContext);
  assert.ok((after as V1Pod).spec!.containers.every(({ lifecycle }) => lifecycle === undefined));
  const limits = { ['.nodeAffinity.required'.repeat(100_000)]: '1' };
  const odd = created(pod({ containers: containers(1, { resources: { limits } }) }));
  assert.ok(specimensOf(podKind).refusals(created(pod({ containers: containers(1) })), odd).length > 0);
});

test('a pod of many sidecars is measured once, and one of many statuses', () => {
  const initContainers = times(15_000, (i) => ({
    name: `a${i}`,
    image: 'b',
    restartPolicy: 'Always',
    resources: { requests: { [`a.b/c${i}`]: '1', cpu: '1' } },
  }));
  const statuses = times(15_000, (i) => ({ name: `a${14_999 - i}`, allocatedResources: { cpu: '2' } }));
  const measured = { ...pod({ initContainers }), status: { initContainerStatuses: statuses } } as unknown as V1Pod;
  assert.equal(podRequests(measured).get('cpu')!.nano, 15_000n * 1_000_000_000n);
  assert.equal(podRequests(measured, { fromStatus: true }).get('cpu')!.nano, 30_000n * 1_000_000_000n);
  assert.equal(podRequests(measured).size, 15_001);
});

test('what a kubelet says of many containers is held against what they were', () => {
  const [count, status] = [40_000, podKind.parts.find(({ name }) => name === 'status')!];
  const withStates = (state: object, condition: object) =>
    ({
      metadata: { name: 'a', namespace: 'b' },
      spec: { containers: containers(count), restartPolicy: 'Never' },
      status: {
        containerStatuses: times(count, (i) => ({ name: `c${i}`, state })),
        conditions: times(count, () => ({ type: 'a.b/c', status: 'True', ...condition })),
      },
    }) as unknown as DynamicObject;
  const before = withStates({ terminated: { exitCode: 0 } }, { observedGeneration: 3 });
  const after = status.merge(before, withStates({ running: {} }, {}), testContext);
  assert.equal((after as V1Pod).status!.conditions!.at(-1)!.observedGeneration, 3);
  assert.equal(status.validate!(after, before, testContext).length, count);
});

test('places of an Endpoints are counted and not put together', () => {
  const { cell } = endpointsKind.columns.find(({ name }) => name === 'Endpoints')!;
  const show = (...subsets: object[]) => cell({ subsets } as never, 0);
  const [ports, addresses] = [times(20_000, (i) => ({ port: i + 1 })), times(20_000, () => ({ ip: '1.2.3.4' }))];
  assert.equal(show({ ports, addresses }), '1.2.3.4:1,1.2.3.4:1,1.2.3.4:1 + 399999997 more...');
  const two = [{ ip: '1.2.3.4' }, { ip: '::1' }];
  assert.equal(show({ addresses: two }, { ports: [{ port: 8 }], addresses: two }), '1.2.3.4,::1,1.2.3.4:8 + 1 more...');
  assert.equal(show({ ports: [{ port: 8 }, { port: 9 }], addresses: [{ ip: '::1' }] }), '[::1]:8,[::1]:9');
});

test('a pod is warned of a few of its thousands of repetitions', () => {
  const { warnings } = specimensOf(podKind);
  const sources = times(30_000, (i) => ({ serviceAccountToken: { path: `p${i}` } }));
  assert.ok(warnings(pod({ volumes: [{ name: 'v', projected: { sources } }] })).length < 10_000);
  const ports = times(100_000, () => ({ containerPort: 1 }));
  assert.ok(warnings(pod({ containers: containers(1, { ports }) })).length < 2000);
});

test('structures in annotations with anything else than texts are an error, and no failure', () => {
  const [ofPods, ofNodes] = ['tolerations', 'taints'].map((what) => `scheduler.alpha.kubernetes.io/${what}`);
  for (const text of ['[{"key":5}]', '[{"effect":{}}]', '[null]', '{}']) {
    assert.match(
      specimensOf(podKind)
        .complaints(pod({}), { annotations: { [ofPods!]: text } })
        .join(),
      /must be a list of tolerations/,
    );
    assert.match(
      specimensOf(nodeKind)
        .complaints({}, { annotations: { [ofNodes!]: text } })
        .join(),
      /JSON of the right type/,
    );
  }
  const avoided = { 'scheduler.alpha.kubernetes.io/preferAvoidPods': '{"preferAvoidPods":[null]}' };
  assert.match(specimensOf(nodeKind).complaints({}, { annotations: avoided }).join(), /JSON of the right type/);
});

test('names that every object of JavaScript has are like any other', () => {
  const limits = [{ type: 'Container', max: { constructor: '1' }, min: { toString: '1' } }];
  assert.ok(specimensOf(limitRangeKind).complaints({ spec: { limits } }).length > 0);
  const exists = { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] };
  assert.equal(matchesNodeSelectorTerm(exists, { metadata: { labels: {} } }), false);
  assert.equal(matchesNodeSelectorTerm(exists, { metadata: { labels: { constructor: '1' } } }), true);
});

test('numbers in requirements of nodes are read as far as they can be any', () => {
  const greater = (bound: string) =>
    matchesNodeSelectorTerm(
      { matchExpressions: [{ key: 'a', operator: 'Gt', values: [bound] }] },
      { metadata: { labels: { a: '9223372036854775807' } } },
    );
  assert.deepEqual(['5', '+0005', '-9223372036854775808', '9223372036854775807', '9223372036854775808'].map(greater), [
    true,
    true,
    true,
    false,
    false,
  ]);
  assert.equal(greater('9'.repeat(3_000_000)), false);
});

test('blocks of PEM that never end, and names of storage that begin again and again, are read once', () => {
  const lines = `-----BEGIN A-----\n${'x: -----BEGIN A-----\n'.repeat(100_000)}`;
  assert.deepEqual(decodePem(lines), []);
  const request = Buffer.from(lines).toString('base64');
  const { complaints } = specimensOf(certificateSigningRequestKind);
  assert.match(complaints({ spec: { request, signerName: 'a.b/c', usages: ['any'] } }).join(), /must be CERTIFICATE REQUEST/);
  assert.deepEqual(
    decodePem('said before\n-----BEGIN A B-----\nk: v\n\nYQ==\n-----END A B-----\n').map(({ type, hasHeaders, der }) => [
      type,
      hasHeaders,
      String(der),
    ]),
    [['A B', true, 'a']],
  );
  const wrong = (iqn: string) =>
    specimensOf(podKind)
      .complaints(pod({ volumes: [{ name: 'v', iscsi: { iqn, targetPortal: 'a', lun: 0 } }] }))
      .some((text) => text.includes('iqn'));
  assert.deepEqual(
    ['iqn.2001-04.com.a:b', 'iqnx:iqn.2001-04.com:b:c', 'iqn.2001-04.com', 'iqn.2001-04.com:', 'iqn.2001-04.com:b,c'].map(wrong),
    [false, false, true, true, true],
  );
  assert.ok(wrong('iqn.2001-01.'.repeat(200_000)));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Endpoints, V1Pod, V1Service } from '../../api/gen/types.ts';
import { createEndpointsController } from '../endpoints/controller.ts';
import { createEndpointSliceMirroringController } from '../endpointslicemirroring/controller.ts';
import { runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createEndpointSliceController } from './controller.ts';
import { type EndpointGroup, planSlices, SLICE_CONTROLLER } from './plan.ts';

const service = (more: object = {}, labels?: Record<string, string>) =>
  ({
    metadata: { name: 'web', namespace: 'a', uid: 's', labels },
    spec: {
      clusterIP: '10.0.0.5',
      ipFamilies: ['IPv4'],
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
      ...more,
    },
  }) as unknown as V1Service;
const pod = (name: string, ip: string, { ready = true, more = {}, spec = {} } = {}) =>
  ({
    metadata: { name, namespace: 'a', uid: `${name}-uid`, labels: { app: 'web' }, ...more },
    spec: { nodeName: 'n', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  }) as unknown as V1Pod;
/** With the node that the pods are on. */
async function open(...args: Parameters<typeof runController>) {
  const run = await runController(...args);
  run.cluster.put(nodeKind, { metadata: { name: 'n' } });
  return run;
}
const slices = (cluster: TestingCluster) => cluster.list<V1EndpointSlice>(endpointSliceKind);
const endpointsIn = (cluster: TestingCluster) => slices(cluster).flatMap(({ endpoints = [] }) => endpoints);

test('pods that a Service selects are its endpoints, with their ports by name, their node and zone', async () => {
  await using run = await open(createEndpointSliceController);
  const { cluster } = run;
  cluster.put(nodeKind, { metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z1' } } });
  cluster.put(serviceKind, service({}, { team: 'x' }));
  cluster.put(podKind, pod('p', '10.1.0.1'));
  cluster.put(podKind, pod('q', '10.1.0.2', { ready: false }));
  await run.settle();
  assert.equal(slices(cluster).length, 1);
  const [slice] = slices(cluster);
  assert.deepEqual(slice?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
  assert.equal(slice?.metadata?.labels?.['kubernetes.io/service-name'], 'web');
  assert.equal(slice?.metadata?.labels?.['team'], 'x');
  assert.deepEqual(slice?.endpoints?.[0], {
    addresses: ['10.1.0.1'],
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: 'Pod', namespace: 'a', name: 'p', uid: 'p-uid' },
    nodeName: 'n',
    zone: 'z1',
  });
  assert.deepEqual(slice?.endpoints?.[1]?.conditions, { ready: false, serving: false, terminating: false });
});

test('a pod of a node that is not there is no endpoint, which is told, until the node comes; unless all are published', async () => {
  await using run = await open(createEndpointSliceController);
  const { cluster } = run;
  cluster.put(serviceKind, service());
  cluster.put(podKind, pod('p', '10.1.0.1'));
  cluster.put(podKind, pod('lost', '10.1.0.2', { spec: { nodeName: 'late' } }));
  await run.settle();
  const names = () => endpointsIn(cluster).map(({ targetRef }) => targetRef?.name);
  assert.deepEqual(names(), ['p']);
  const told = run.events.indexOf('web FailedToUpdateEndpointSlices');
  const why = 'skipping Pod lost for Service a/web: Node late Not Found';
  assert.equal(run.messages[told], `Error updating Endpoint Slices for Service a/web: ${why}`);
  cluster.put(nodeKind, { metadata: { name: 'late' } });
  await run.settle();
  assert.deepEqual(names().sort(), ['lost', 'p']);
  cluster.put(podKind, pod('nowhere', '10.1.0.3', { spec: { nodeName: 'never' } }));
  cluster.put(serviceKind, service({ publishNotReadyAddresses: true }));
  await run.settle();
  assert.deepEqual(names().sort(), ['lost', 'nowhere', 'p']);
});

test('a pod that ends serves on but gets nothing new; one that has ended or left the selector is gone', async () => {
  await using run = await open(createEndpointSliceController);
  const { cluster } = run;
  cluster.put(serviceKind, service());
  cluster.put(podKind, pod('p', '10.1.0.1', { more: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x'] } }));
  cluster.put(podKind, pod('q', '10.1.0.2'));
  await run.settle();
  assert.deepEqual(endpointsIn(cluster)[0]?.conditions, { ready: false, serving: true, terminating: true });
  cluster.remove(podKind, 'p', 'a');
  cluster.put(podKind, pod('q', '10.1.0.2', { more: { labels: { app: 'other' } } }));
  await run.settle();
  assert.deepEqual(endpointsIn(cluster), []);
  assert.equal(slices(cluster).length, 1, 'an empty slice says that nobody is there');
  const before = cluster.requests.length;
  await run.settle(1000);
  assert.equal(cluster.requests.length, before, 'and stays');
});

test('a pod that is deleted as it serves, without time to end, is gone from both', async () => {
  for (const create of [createEndpointSliceController, createEndpointsController]) {
    await using run = await open(create);
    const { cluster } = run;
    cluster.put(serviceKind, service());
    cluster.put(podKind, pod('p', '10.1.0.1'));
    cluster.put(podKind, pod('q', '10.1.0.2'));
    await run.settle();
    cluster.remove(podKind, 'p', 'a');
    await run.settle();
    const addresses =
      create === createEndpointsController
        ? cluster.list<V1Endpoints>(endpointsKind).flatMap(({ subsets = [] }) => subsets.flatMap((one) => one.addresses ?? []))
        : endpointsIn(cluster).flatMap(({ addresses: all }) => all.map((ip) => ({ ip })));
    assert.deepEqual(
      addresses.map(({ ip }) => ip),
      ['10.1.0.2'],
    );
  }
});

test('a slice that somebody changes or deletes is put right', async () => {
  await using run = await open(createEndpointSliceController);
  const { cluster } = run;
  cluster.put(serviceKind, service());
  cluster.put(podKind, pod('p', '10.1.0.1'));
  await run.settle();
  const [slice] = slices(cluster);
  cluster.put(endpointSliceKind, { ...slice!, endpoints: [] } as V1EndpointSlice);
  await run.settle();
  assert.equal(endpointsIn(cluster).length, 1);
  cluster.remove(endpointSliceKind, slices(cluster)[0]!.metadata!.name!, 'a');
  await run.settle();
  assert.equal(endpointsIn(cluster).length, 1);
});

test('slices hold the endpoints that are there, none twice and none too many, whatever was in them before', () => {
  const endpoint = (n: number) => ({ addresses: [`10.0.0.${n}`], targetRef: { uid: `u${n}` } });
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(numbers, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 7 }), (rounds, most) => {
      let existing: V1EndpointSlice[] = [];
      for (const [round, wanted] of rounds.entries()) {
        const group: EndpointGroup = { addressType: 'IPv4', ports: [], endpoints: wanted.map(endpoint) };
        const asked = { service: service(), groups: [group], maxEndpoints: most, managedBy: SLICE_CONTROLLER };
        const { create, update, remove } = planSlices({ ...asked, existing });
        const untouched = existing.filter(
          (slice) => !remove.includes(slice) && !update.some((u) => u.metadata?.name === slice.metadata?.name),
        );
        const named = create.map((slice, i) => ({ ...slice, metadata: { ...slice.metadata, name: `s${round}-${i}` } }));
        existing = [...untouched, ...update, ...named];
        const held = existing.flatMap(({ endpoints = [] }) => endpoints.map(({ addresses }) => addresses[0]));
        assert.deepEqual(held.toSorted(), wanted.map((n) => `10.0.0.${n}`).toSorted());
        assert.ok(existing.every(({ endpoints = [] }) => endpoints.length <= most));
        assert.ok(existing.length >= 1);
        const again = planSlices({ ...asked, existing });
        assert.deepEqual([again.create.length, again.update.length, again.remove.length], [0, 0, 0]);
      }
    }),
  );
});

test('the older Endpoints tell ready and waiting addresses apart, and go with their Service', async () => {
  await using run = await runController(createEndpointsController);
  const { cluster } = run;
  cluster.put(serviceKind, service());
  cluster.put(podKind, pod('p', '10.1.0.1'));
  cluster.put(podKind, pod('q', '10.1.0.2', { ready: false }));
  await run.settle();
  const object = cluster.get<V1Endpoints>(endpointsKind, 'web', 'a');
  assert.deepEqual(
    object?.subsets?.map(({ addresses, notReadyAddresses, ports }) => [
      addresses?.map(({ ip }) => ip),
      notReadyAddresses?.map(({ ip }) => ip),
      ports,
    ]),
    [[['10.1.0.1'], ['10.1.0.2'], [{ name: 'http', port: 8080, protocol: 'TCP' }]]],
  );
  cluster.remove(serviceKind, 'web', 'a');
  await run.settle();
  assert.equal(cluster.get(endpointsKind, 'web', 'a'), undefined);
});

test('Endpoints that a user keeps for a Service without a selector are mirrored, unless they say not to be', async () => {
  await using run = await runController(createEndpointSliceMirroringController);
  const { cluster } = run;
  cluster.put(serviceKind, service({ selector: undefined }));
  const kept = {
    metadata: { name: 'web', namespace: 'a', uid: 'e', labels: { team: 'one' }, annotations: { note: 'two' } },
    subsets: [{ addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], ports: [{ port: 80, protocol: 'TCP' }] }],
  } as unknown as V1Endpoints;
  cluster.put(endpointsKind, kept);
  await run.settle();
  assert.deepEqual(
    slices(cluster)
      .map(({ addressType }) => addressType)
      .sort(),
    ['IPv4', 'IPv6'],
  );
  for (const { metadata } of slices(cluster)) {
    assert.equal(metadata?.labels?.['team'], 'one');
    assert.equal(metadata?.annotations?.['note'], 'two');
    assert.deepEqual(
      metadata?.ownerReferences?.map(({ kind, uid }) => [kind, uid]),
      [['Endpoints', 'e']],
    );
  }
  cluster.put(endpointsKind, { ...kept, metadata: { ...kept.metadata, annotations: { note: 'three' } } } as V1Endpoints);
  await run.settle();
  assert.ok(slices(cluster).every(({ metadata }) => metadata?.annotations?.['note'] === 'three'));
  cluster.put(endpointsKind, {
    ...kept,
    metadata: { ...kept.metadata, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
  } as V1Endpoints);
  await run.settle();
  assert.deepEqual(slices(cluster), []);
});

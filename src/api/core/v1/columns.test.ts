/** Tables of core kinds other than pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromCoreEvent } from '../../events/v1/convert-event.ts';
import { eventKind as newEventKind } from '../../events/v1/event.ts';
import type { KindDefinition } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { renderTable } from '../../machinery/table.ts';
import { endpointsKind } from './endpoints.ts';
import { eventKind } from './event.ts';
import { limitRangeKind } from './limit-range.ts';
import { nodeKind } from './node.ts';
import { persistentVolumeKind } from './persistent-volume.ts';
import { serviceKind } from './service.ts';

const NOW = Date.parse('2024-05-01T01:00:00Z');
const CREATED = '2024-05-01T00:00:00Z';

function row(kind: KindDefinition, fields: object, metadata: object = {}): Record<string, unknown> {
  const object = {
    apiVersion: 'v1',
    kind: kind.kind,
    metadata: { name: 'x', creationTimestamp: CREATED, ...metadata },
    ...fields,
  } as DynamicObject;
  const { columnDefinitions, rows } = renderTable(kind, [object], { nowMs: NOW });
  return Object.fromEntries(columnDefinitions!.map(({ name }, i) => [name, rows[0]!.cells[i]]));
}

test('nodes show readiness, roles, version, addresses and system', () => {
  const nodeInfo = {
    kubeletVersion: 'v1.36.0',
    osImage: 'Debian',
    kernelVersion: '6.1',
    containerRuntimeVersion: 'containerd://2',
  };
  const status = {
    nodeInfo,
    conditions: [{ type: 'Ready', status: 'True' }],
    addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
  };
  const labels = {
    'node-role.kubernetes.io/worker': '',
    'node-role.kubernetes.io/control-plane': '',
    'kubernetes.io/role': 'old',
  };
  assert.deepEqual(row(nodeKind, { status, spec: { unschedulable: true } }, { labels }), {
    Name: 'x',
    Status: 'Ready,SchedulingDisabled',
    Roles: 'control-plane,old,worker',
    Age: '60m',
    Version: 'v1.36.0',
    'Internal-IP': '10.0.0.1',
    'External-IP': '<none>',
    'OS-Image': 'Debian',
    'Kernel-Version': '6.1',
    'Container-Runtime': 'containerd://2',
  });
  assert.equal(row(nodeKind, { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } })['Status'], 'NotReady');
  assert.equal(row(nodeKind, {})['Status'], 'Unknown');
});

test('services show where they are reached', () => {
  const ports = [
    { port: 80, protocol: 'TCP', nodePort: 30080 },
    { port: 53, protocol: 'UDP' },
  ];
  const spec = { type: 'NodePort', clusterIPs: ['10.96.0.1'], ports, selector: { b: '2', a: '1' } };
  assert.deepEqual(Object.values(row(serviceKind, { spec })), [
    'x',
    'NodePort',
    '10.96.0.1',
    '<none>',
    '80:30080/TCP,53/UDP',
    '60m',
    'a=1,b=2',
  ]);
  const external = (fields: object, status: object = {}) => row(serviceKind, { spec: fields, status })['External-IP'];
  assert.equal(external({ type: 'LoadBalancer' }), '<pending>');
  assert.equal(
    external({ type: 'LoadBalancer', externalIPs: ['1.1.1.1'] }, { loadBalancer: { ingress: [{ ip: '2.2.2.2' }] } }),
    '2.2.2.2,1.1.1.1',
  );
  assert.equal(external({ type: 'ExternalName', externalName: 'example.com' }), 'example.com');
});

test('endpoints show three places and how many more there are', () => {
  const subsets = [{ addresses: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], ports: [{ port: 80 }, { port: 81 }] }];
  assert.equal(row(endpointsKind, { subsets })['Endpoints'], '10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...');
  assert.equal(row(endpointsKind, {})['Endpoints'], '<none>');
});

test('events show the same in both versions', () => {
  const event = {
    involvedObject: { kind: 'Pod', name: 'web', fieldPath: 'spec' },
    type: 'Warning',
    reason: 'Failed',
    message: ' it failed \n',
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: '2024-05-01T00:50:00Z',
    lastTimestamp: '2024-05-01T00:59:00Z',
    count: 4,
  };
  const shown = ['60s', 'Warning', 'Failed', 'pod/web', 'spec', 'kubelet, node-1', 'it failed', '10m', 4, 'x'];
  assert.deepEqual(Object.values(row(eventKind, event)), shown);
  const {
    apiVersion: _,
    kind: __,
    metadata: ___,
    ...newer
  } = fromCoreEvent({ apiVersion: 'v1', kind: 'Event', metadata: {}, ...event });
  assert.deepEqual(Object.values(row(newEventKind, newer)), shown);
  // Upstream calls the column of counts one of texts.
  const { columnDefinitions } = renderTable(eventKind, [], { nowMs: NOW });
  assert.ok(columnDefinitions!.every(({ type }) => type === 'string'));
});

test('volumes show what they hold and for whom', () => {
  const spec = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
    claimRef: { namespace: 'n', name: 'c' },
  };
  const shown = row(persistentVolumeKind, { spec, status: { phase: 'Bound' } });
  assert.deepEqual(
    [shown['Capacity'], shown['Access Modes'], shown['Claim'], shown['Status']],
    ['1Gi', 'RWO,RWX', 'n/c', 'Bound'],
  );
});

test('kinds without columns of their own show when they were created', () => {
  assert.deepEqual(row(limitRangeKind, {}), { Name: 'x', 'Created At': CREATED });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod, V1PodSpec } from '../api/gen/types.ts';
import { ClusterState } from './node-info.ts';
import { schedulePod } from './schedule-pod.ts';

function node(name: string, change: Partial<V1Node> = {}): V1Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } },
    ...change,
  };
}

let made = 0;
function pod(spec: Partial<V1PodSpec> = {}, nodeName?: string): V1Pod {
  const name = `pod-${made++}`;
  return {
    metadata: { name, namespace: 'default', uid: name },
    spec: { containers: [{ name: 'c' }], ...spec, ...(nodeName && { nodeName }) },
  };
}

const asking = (cpu: string): Partial<V1PodSpec> => ({ containers: [{ name: 'c', resources: { requests: { cpu } } }] });

function cluster(nodes: V1Node[], pods: V1Pod[] = []): ClusterState {
  const state = new ClusterState();
  for (const each of nodes) state.setNode(each);
  for (const each of pods) state.setPod(each);
  return state;
}

const decide = (state: ClusterState, wanted: V1Pod) => schedulePod(wanted, state.nodes(), () => 0.5);

test('a pod goes where most cpu and memory stay free', () => {
  const state = cluster([node('full'), node('free')], [pod(asking('1500m'), 'full')]);
  assert.deepEqual(decide(state, pod(asking('100m'))), { nodeName: 'free' });
});

test('a pod that fits nowhere is told why, node by node, as upstream says it', () => {
  const state = cluster([
    node('small'),
    node('tainted', { spec: { taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] } }),
    node('cordoned', { spec: { unschedulable: true } }),
  ]);
  assert.deepEqual(decide(state, pod(asking('3'))), {
    unschedulable:
      '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {dedicated: db}, 1 node(s) were unschedulable.',
  });
  assert.deepEqual(decide(cluster([]), pod()), { unschedulable: 'no nodes available to schedule pods' });
});

test('a toleration opens a tainted node, and only for its effect', () => {
  const taints = [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }];
  const state = cluster([node('tainted', { spec: { taints } })]);
  const tolerating = (effect?: string) => pod({ tolerations: [{ key: 'dedicated', operator: 'Exists', effect }] });
  assert.deepEqual(decide(state, tolerating()), { nodeName: 'tainted' });
  assert.ok('unschedulable' in decide(state, tolerating('NoExecute')));
});

test('a node selector and required affinity must both hold', () => {
  const state = cluster([
    node('a', { metadata: { name: 'a', labels: { disk: 'ssd', size: '5' } } }),
    node('b', { metadata: { name: 'b', labels: { disk: 'ssd', size: '50' } } }),
  ]);
  const larger = { key: 'size', operator: 'Gt', values: ['9'] };
  const affinity = {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [larger] }] } },
  };
  assert.deepEqual(decide(state, pod({ nodeSelector: { disk: 'ssd' }, affinity })), { nodeName: 'b' });
  assert.deepEqual(decide(state, pod({ nodeSelector: { disk: 'hdd' }, affinity })), {
    unschedulable: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  });
});

test('a host port is given once for each protocol and address', () => {
  const wanting = (protocol: string) => ({ containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80, protocol }] }] });
  const state = cluster([node('only')], [pod(wanting('TCP'), 'only')]);
  assert.ok('unschedulable' in decide(state, pod(wanting('TCP'))));
  assert.deepEqual(decide(state, pod(wanting('UDP'))), { nodeName: 'only' });
});

test('room comes back when a pod goes, ends, or its node is announced after it', () => {
  const holder = pod(asking('2'), 'late');
  const state = new ClusterState();
  state.setPod(holder);
  state.setNode(node('late'));
  assert.ok('unschedulable' in decide(state, pod(asking('1'))));
  state.setPod({ ...holder, status: { phase: 'Succeeded' } });
  assert.deepEqual(decide(state, pod(asking('1'))), { nodeName: 'late' });
  state.setPod(holder);
  state.removePod(holder);
  assert.deepEqual(state.nodes()[0]?.requested.get('cpu'), 0n);
});

test('init containers count by their peak, sidecars all the time', () => {
  const one = (cpu: string) => ({ resources: { requests: { cpu } } });
  const state = cluster([node('two-cpus')]);
  const spec = (main: string, sidecar: string, init: string): Partial<V1PodSpec> => ({
    containers: [{ name: 'main', ...one(main) }],
    initContainers: [
      { name: 'sidecar', restartPolicy: 'Always', ...one(sidecar) },
      { name: 'init', ...one(init) },
    ],
  });
  assert.deepEqual(decide(state, pod(spec('1', '1', '1'))), { nodeName: 'two-cpus' });
  assert.ok('unschedulable' in decide(state, pod(spec('1', '1500m', '0'))));
  assert.ok('unschedulable' in decide(state, pod(spec('500m', '1', '1100m'))));
});

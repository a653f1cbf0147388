import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1ResourceRequirements } from '../../api/gen/types.ts';
import { allocatedPod, decideResize, firstAllocation, largerAllocation, needsRestart, WHOLE_POD } from './pod-resize.ts';

const ofCpu = (cpu: string): V1ResourceRequirements => ({ requests: { cpu }, limits: { cpu } });
const pod = (cpu: string): V1Pod => ({ metadata: { uid: 'u' }, spec: { containers: [{ name: 'main', resources: ofCpu(cpu) }] } });
const ROOM = 2000;

/** A node of two CPUs; `others` take half of them each. */
const admission = {
  admit: ({ spec }: V1Pod, others: readonly V1Pod[]) => {
    const wanted = Number(spec?.containers[0]?.resources?.requests?.['cpu']) * 1000;
    const used = others.length * 1000;
    if (wanted + used <= ROOM) return undefined;
    return {
      reason: 'OutOfcpu',
      message: `Node didn't have enough resource: cpu, requested: ${wanted}, used: ${used}, capacity: ${ROOM}`,
    };
  },
};
const given = firstAllocation(pod('1'));

test('a pod gets more when there is room, and keeps what it has otherwise', () => {
  const decide = (cpu: string, others: readonly V1Pod[], isStatic = false) =>
    decideResize(pod(cpu), given, others, { admission, isStatic });
  assert.deepEqual(decide('1', []), { allocation: given });
  assert.deepEqual(decide('2', []).allocation.get('main'), ofCpu('2'));
  const deferred = decide('2', [pod('1')]);
  assert.equal(deferred.allocation, given);
  assert.equal(deferred.pending?.reason, 'Deferred');
  const infeasible = decide('5', []);
  assert.equal(infeasible.pending?.reason, 'Infeasible');
  assert.equal(infeasible.pending?.message, "Node didn't have enough capacity: cpu, requested: 5000, capacity: 2000");
  assert.equal(decide('2', [], true).pending?.message, 'In-place resize of static-pods is not supported');
});

test('where pods may have CPUs for themselves, a guaranteed one keeps as many as it has', () => {
  const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
  const guaranteed = (cpu: string, memory: string): V1Pod => ({
    spec: { containers: [{ name: 'main', resources: amounts(cpu, memory) }] },
  });
  const before = firstAllocation(guaranteed('1', '1Gi'));
  const decide = (cpu: string, memory: string) =>
    decideResize(guaranteed(cpu, memory), before, [], { admission: { ...admission, givesCpus: true }, isStatic: false });
  assert.deepEqual(decide('2', '1Gi').pending, {
    type: 'PodResizePending',
    status: 'True',
    reason: 'Infeasible',
    message: 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"',
  });
  assert.deepEqual(decide('1', '2Gi').allocation.get('main'), amounts('1', '2Gi'));
});

test('a kubelet started anew knows what a pod was given from its status', () => {
  const status = {
    name: 'main',
    image: '',
    imageID: '',
    ready: true,
    restartCount: 0,
    containerID: 'c://1',
    resources: ofCpu('1'),
  };
  const resized: V1Pod = { ...pod('5'), status: { containerStatuses: [status] } };
  const allocation = firstAllocation(resized);
  assert.deepEqual(allocation.get('main'), ofCpu('1'));
  assert.deepEqual(allocatedPod(resized, allocation).spec?.containers[0]?.resources, ofCpu('1'));
  const same = pod('1000m');
  assert.equal(allocatedPod(same, allocation), same);
});

test('what a pod asks for as a whole is given where there is room for it, and else stays as it was', () => {
  const whole = (cpu?: string): V1Pod => ({
    spec: { ...(cpu && { resources: ofCpu(cpu) }), containers: [{ name: 'main' }] },
  });
  const decide = (cpu: string, before = firstAllocation(whole('1'))) => {
    const asksForAll = ({ spec }: V1Pod) => Number(spec?.resources?.requests?.['cpu']) * 1000;
    const admit = (asked: V1Pod) =>
      asksForAll(asked) > ROOM ? { reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu" } : undefined;
    return decideResize(whole(cpu), before, [], { admission: { admit }, isStatic: false });
  };
  assert.deepEqual(allocatedPod(whole('2'), decide('2').allocation), whole('2'));
  const infeasible = decide('5');
  assert.equal(infeasible.pending?.reason, 'Infeasible');
  assert.deepEqual(allocatedPod(whole('5'), infeasible.allocation).spec?.resources, ofCpu('1'));
  const hadNone = decide('5', firstAllocation(whole()));
  assert.equal(hadNone.pending?.reason, 'Infeasible');
  assert.deepEqual(allocatedPod(whole('5'), hadNone.allocation).spec?.resources, { requests: {}, limits: {} });
});

test('a kubelet started anew knows what a pod was given as a whole from its status', () => {
  const main = { name: 'main', image: '', imageID: '', ready: true, restartCount: 0, containerID: 'c://1' };
  const spec = { resources: ofCpu('5'), containers: [{ name: 'main' }] };
  const given = (status: V1Pod['status']) => firstAllocation({ spec, status: status! }).get(WHOLE_POD);
  assert.deepEqual(given({ containerStatuses: [main], resources: ofCpu('1') }), ofCpu('1'));
  assert.deepEqual(given({ containerStatuses: [main] }), ofCpu('5'));
  assert.deepEqual(given({ resources: ofCpu('1') }), ofCpu('5'));
});

test('while resources change, the pod may use the larger of both, and without a limit where one has none', () => {
  const before = new Map([['main', { requests: { cpu: '1', memory: '2Gi' }, limits: { cpu: '1' } }]]);
  const after = new Map([['main', { requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } }]]);
  assert.deepEqual(largerAllocation(before, after).get('main'), {
    requests: { cpu: '2', memory: '2Gi' },
    limits: { cpu: '2' },
  });
});

test('a container starts anew for a resource when its policy says so', () => {
  const container = { name: 'main', resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] };
  assert.equal(needsRestart(container, ofCpu('1'), ofCpu('2')), false);
  assert.equal(needsRestart(container, { limits: { memory: '1Gi' } }, { limits: { memory: '2Gi' } }), true);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject } from '../../machinery/object.ts';
import { renderTable } from '../../machinery/table.ts';
import { podKind } from './pod.ts';

const NOW = Date.parse('2024-05-01T01:00:00Z');
const running = (name: string, more: object = {}) => ({ name, ready: true, restartCount: 0, state: { running: {} }, ...more });

const pod = (status: object, spec: object = {}, metadata: object = {}): DynamicObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', creationTimestamp: '2024-05-01T00:00:00Z', ...metadata },
  spec: { containers: [{ name: 'a' }, { name: 'b' }], ...spec },
  status: { phase: 'Running', ...status },
});
const cells = (object: DynamicObject) => renderTable(podKind, [object], { nowMs: NOW }).rows[0]!.cells;
const status = (object: DynamicObject) => cells(object)[2];

test('a running pod is shown with all columns', () => {
  const object = pod(
    { containerStatuses: [running('a'), running('b')], podIPs: [{ ip: '10.0.0.1' }] },
    { nodeName: 'node-1', readinessGates: [{ conditionType: 'x/y' }] },
  );
  assert.deepEqual(cells(object), ['web', '2/2', 'Running', '0', '60m', '10.0.0.1', 'node-1', '<none>', '0/1']);
});

test('restarts say when the last one was', () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: '2024-05-01T00:54:30Z' } };
  assert.equal(cells(pod({ containerStatuses: [running('a', { restartCount: 3, lastState })] }))[3], '3 (5m30s ago)');
});

test('the status is what is wrong with a container, if something is', () => {
  const waiting = (reason: string) => ({ name: 'a', ready: false, restartCount: 0, state: { waiting: { reason } } });
  const terminated = (state: object) => ({ name: 'a', ready: false, restartCount: 0, state: { terminated: state } });
  assert.equal(status(pod({ phase: 'Pending' })), 'Pending');
  assert.equal(status(pod({ phase: 'Failed', reason: 'Evicted' })), 'Evicted');
  assert.equal(status(pod({ containerStatuses: [waiting('CrashLoopBackOff'), running('b')] })), 'CrashLoopBackOff');
  assert.equal(status(pod({ containerStatuses: [terminated({ exitCode: 2 })] })), 'ExitCode:2');
  assert.equal(status(pod({ containerStatuses: [terminated({ exitCode: 137, signal: 9 })] })), 'Signal:9');
  assert.equal(status(pod({ containerStatuses: [terminated({ exitCode: 0, reason: 'Completed' }), running('b')] })), 'NotReady');
  const conditions = [{ type: 'Ready', status: 'True' }];
  assert.equal(
    status(pod({ conditions, containerStatuses: [terminated({ exitCode: 0, reason: 'Completed' }), running('b')] })),
    'Running',
  );
});

test('init containers are counted until all are done', () => {
  const spec = { initContainers: [{ name: 'i' }, { name: 'j' }] };
  const done = { name: 'i', ready: true, restartCount: 1, state: { terminated: { exitCode: 0 } } };
  const waiting = { name: 'j', ready: false, restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } };
  assert.equal(status(pod({ phase: 'Pending', initContainerStatuses: [done, waiting] }, spec)), 'Init:1/2');
  const failed = { ...waiting, state: { terminated: { exitCode: 1, reason: 'Error' } } };
  assert.equal(status(pod({ phase: 'Pending', initContainerStatuses: [done, failed] }, spec)), 'Init:Error');
  const finished = { ...done, name: 'j' };
  assert.deepEqual(
    cells(pod({ initContainerStatuses: [done, finished], containerStatuses: [running('a'), running('b')] }, spec)).slice(1, 4),
    ['2/2', 'Running', '0'],
  );
});

test('sidecars count as containers', () => {
  const spec = { initContainers: [{ name: 'side', restartPolicy: 'Always' }] };
  const side = running('side', { started: true });
  assert.equal(cells(pod({ initContainerStatuses: [side], containerStatuses: [running('a'), running('b')] }, spec))[1], '3/3');
});

test('a sidecar that does not stay up is told of a pod that runs', () => {
  const spec = { initContainers: [{ name: 'side', restartPolicy: 'Always' }] };
  const conditions = [{ type: 'Initialized', status: 'True' }];
  const shown = (side: object, main: object[] = [running('a'), running('b')]) =>
    cells(
      pod(
        {
          conditions,
          initContainerStatuses: [{ name: 'side', ready: false, restartCount: 2, ...side }],
          containerStatuses: main,
        },
        spec,
      ),
    ).slice(1, 4);
  const crashing = { started: false, state: { waiting: { reason: 'CrashLoopBackOff' } } };
  assert.deepEqual(shown(crashing), ['2/3', 'Init:CrashLoopBackOff', '2']);
  assert.deepEqual(shown({ started: false, state: { running: {} } }), ['2/3', 'Init:0/1', '2']);
  const waiting = { name: 'a', ready: false, restartCount: 1, state: { waiting: { reason: 'ErrImagePull' } } };
  assert.equal(shown(crashing, [waiting])[1], 'ErrImagePull', 'what keeps the others from running goes first');
  const ended = { started: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } };
  assert.equal(shown(ended)[1], 'Running');
});

test('a pod on its way out says so, unless it has ended', () => {
  const metadata = { deletionTimestamp: '2024-05-01T00:59:00Z' };
  assert.equal(status(pod({ containerStatuses: [running('a')] }, {}, metadata)), 'Terminating');
  assert.equal(status(pod({ reason: 'NodeLost' }, {}, metadata)), 'Unknown');
  assert.equal(status(pod({ phase: 'Succeeded' }, {}, metadata)), 'Succeeded');
});

test('a gated pod says why it waits', () => {
  assert.equal(
    status(pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] })),
    'SchedulingGated',
  );
});

test('a row can bring nothing, the metadata or all of the object', () => {
  const object = pod({ phase: 'Succeeded' });
  const row = (includeObject: 'None' | 'Metadata' | 'Object') =>
    renderTable(podKind, [object], { nowMs: NOW, includeObject }).rows[0]!;
  assert.equal(row('None').object, null);
  assert.deepEqual(row('Metadata').object, {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  });
  assert.equal(row('Object').object, object);
  assert.deepEqual(row('None').conditions?.[0]?.reason, 'Succeeded');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentKind } from '../apps/v1/deployment.ts';
import { configMapKind } from '../core/v1/config-map.ts';
import { podKind } from '../core/v1/pod.ts';
import { serviceKind } from '../core/v1/service.ts';
import { StatusError } from '../machinery/status-error.ts';
import { Applied } from './apply-fixture.ts';
import { LAST_APPLIED } from './last-applied.ts';

const deployment = (spec: object = {}, template: object = {}) => ({
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx:1' }], ...template } },
    ...spec,
  },
});

const conflictOf = (run: () => unknown): StatusError => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return error;
  }
  throw new Error('no conflict');
};

test('who applies owns what the configuration says, and no structure above it', () => {
  const applied = new Applied(deploymentKind).apply('me', deployment({ replicas: 2 }));
  assert.deepEqual(applied.owned('me'), [
    '.spec.replicas',
    '.spec.selector',
    '.spec.template.metadata.labels.app',
    '.spec.template.spec.containers[name="web"]',
    '.spec.template.spec.containers[name="web"].image',
    '.spec.template.spec.containers[name="web"].name',
  ]);
});

test('who creates owns everything, with the maps and pointers that it stands in, as upstream writes it', () => {
  const applied = new Applied(deploymentKind).write('kubectl-create', {
    ...deployment({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } }, { securityContext: {} }),
    metadata: { name: 'x', labels: { app: 'web' } },
  });
  assert.deepEqual(applied.entries?.[0]?.fieldsV1, {
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
    'f:spec': {
      'f:selector': {},
      'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} }, 'f:type': {} },
      'f:template': {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
          'f:securityContext': {},
        },
      },
    },
  });
});

test('a field of somebody else is a conflict that names it and its owner', () => {
  const applied = new Applied(deploymentKind).write('kubectl-client-side-apply', deployment({ replicas: 1 }));
  const error = conflictOf(() => applied.apply('me', deployment({ replicas: 3 })));
  assert.equal(error.code, 409);
  assert.equal(error.reason, 'Conflict');
  assert.equal(
    error.message,
    'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
  );
  assert.deepEqual(error.status.details?.causes, [
    {
      reason: 'FieldManagerConflict',
      message: 'conflict with "kubectl-client-side-apply" using apps/v1',
      field: '.spec.replicas',
    },
  ]);
});

test('several conflicts are told by owner', () => {
  const applied = new Applied(configMapKind).apply('a', { data: { x: '1', y: '1' } }).apply('b', { data: { z: '1' } });
  const error = conflictOf(() => applied.apply('c', { data: { x: '2', y: '2', z: '2' } }));
  assert.equal(
    error.message,
    'Apply failed with 3 conflicts: conflicts with "a":\n- .data.x\n- .data.y\nconflicts with "b":\n- .data.z',
  );
  assert.equal(error.status.details?.causes?.length, 3);
});

test('force takes fields over, and who loses all is named no more', () => {
  const applied = new Applied(configMapKind).apply('a', { data: { x: '1' } }).apply('b', { data: { x: '2' } }, { force: true });
  assert.deepEqual(applied.object['data'], { x: '2' });
  assert.deepEqual(applied.owned('a'), []);
  assert.deepEqual(applied.owned('b'), ['.data.x']);
  assert.equal(applied.entries?.length, 1);
});

test('the same value is no conflict, and is owned by both', () => {
  const applied = new Applied(configMapKind).apply('a', { data: { x: '1' } }).apply('b', { data: { x: '1' } });
  assert.deepEqual([applied.owned('a'), applied.owned('b')], [['.data.x'], ['.data.x']]);
  const timed = () => Object.fromEntries(applied.entries!.map(({ manager, time }) => [manager, time !== undefined]));
  assert.deepEqual(timed(), { a: true, b: false }, 'b changed nothing but who owns it, as upstream has it');
  applied.apply('a', {});
  assert.deepEqual(applied.object['data'], { x: '1' }, 'b still wants it');
  applied.apply('b', {});
  assert.equal(applied.object['data'], undefined);
});

test('what is applied no more goes, unless somebody else owns it', () => {
  const applied = new Applied(deploymentKind)
    .apply('me', deployment({ replicas: 2, paused: true }))
    .write('scaler', { ...deployment({ replicas: 5, paused: true }) });
  applied.apply('me', deployment());
  const spec = applied.object['spec'] as Record<string, unknown>;
  assert.equal(spec['replicas'], 5);
  assert.equal(spec['paused'], undefined);
  assert.equal(applied.object.metadata.name, 'x');
});

test('items of lists by key are owned one by one', () => {
  const env = (...names: string[]) => ({
    containers: [{ name: 'web', image: 'nginx:1', env: names.map((name) => ({ name, value: name })) }],
  });
  const applied = new Applied(deploymentKind).apply('a', deployment({}, env('A', 'B')));
  applied.apply('b', { spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'C', value: 'C' }] }] } } } });
  const names = () =>
    (
      applied.object as unknown as { spec: { template: { spec: { containers: { env?: { name: string }[] }[] } } } }
    ).spec.template.spec.containers[0]!.env?.map(({ name }) => name);
  assert.deepEqual(names(), ['A', 'B', 'C']);
  applied.apply('a', deployment({}, env('B')));
  assert.deepEqual(names(), ['B', 'C']);
});

test('ports are told apart by number and protocol, which is TCP when it is not given', () => {
  const applied = new Applied(serviceKind).apply('a', { spec: { ports: [{ port: 53 }, { port: 53, protocol: 'UDP' }] } });
  assert.deepEqual(applied.owned('a'), [
    '.spec.ports[port=53,protocol="TCP"]',
    '.spec.ports[port=53,protocol="TCP"].port',
    '.spec.ports[port=53,protocol="UDP"]',
    '.spec.ports[port=53,protocol="UDP"].port',
    '.spec.ports[port=53,protocol="UDP"].protocol',
  ]);
});

test('atomic lists, maps and structures are replaced as a whole', () => {
  const pod = (spec: object) => ({ spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });
  const applied = new Applied(podKind).apply('a', pod({ nodeSelector: { a: '1', b: '1' }, tolerations: [{ key: 'x' }] }));
  assert.ok(applied.owned('a').includes('.spec.nodeSelector'));
  assert.ok(applied.owned('a').includes('.spec.tolerations'));
  applied.apply('a', pod({ nodeSelector: { c: '1' }, tolerations: [] }));
  const spec = applied.object['spec'] as Record<string, unknown>;
  assert.deepEqual(spec['nodeSelector'], { c: '1' });
  assert.equal(spec['tolerations'], undefined);
  const error = conflictOf(() => applied.apply('b', pod({ nodeSelector: { d: '1' } })));
  assert.match(error.message, /: \.spec\.nodeSelector$/);
});

test('values of sets are owned one by one', () => {
  const meta = (...finalizers: string[]) => ({ metadata: { name: 'x', finalizers } });
  const applied = new Applied(configMapKind).apply('a', meta('x/a', 'x/both')).apply('b', meta('x/b', 'x/both'));
  assert.deepEqual(applied.object.metadata.finalizers, ['x/a', 'x/b', 'x/both']);
  applied.apply('a', meta());
  assert.deepEqual(applied.object.metadata.finalizers, ['x/b', 'x/both']);
});

test('the order of a keyed list is the configuration’s', () => {
  const pod = (...names: string[]) => ({ spec: { containers: names.map((name) => ({ name, image: 'i' })) } });
  const applied = new Applied(podKind).write('kubectl-create', pod('a', 'x', 'b', 'c'));
  applied.apply('me', pod('c', 'n', 'b'));
  const { containers } = applied.object['spec'] as { containers: { name: string }[] };
  assert.deepEqual(
    containers.map(({ name }) => name),
    ['a', 'x', 'c', 'n', 'b'],
  );
});

test('what was there untracked belongs to before-first-apply', () => {
  const applied = new Applied(configMapKind).write('somebody', { data: { x: '1' } });
  applied.managers = new Map();
  const error = conflictOf(() => applied.apply('me', { data: { x: '2' } }));
  assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.x');
  applied.apply('me', { data: { y: '1' } });
  assert.deepEqual(applied.owned('before-first-apply'), ['.data', '.data.x']);
});

test('kubectl’s server-side apply takes over from its client-side apply, and keeps its annotation in step', () => {
  const config = (data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data });
  const annotated = (data: object, live = data) => ({
    metadata: { name: 'x', annotations: { [LAST_APPLIED]: JSON.stringify(config(data)) } },
    data: live,
  });
  const applied = new Applied(configMapKind).write('kubectl-client-side-apply', annotated({ x: '1', y: '1' }));
  applied.apply('kubectl', { data: { x: '2' } });
  assert.deepEqual(applied.object['data'], { x: '2', y: '1' });
  assert.deepEqual(JSON.parse(applied.object.metadata.annotations![LAST_APPLIED]!), config({ x: '2' }));
  // Somebody else changed it since: that is no leftover of client-side apply.
  const other = new Applied(configMapKind)
    .write('kubectl-client-side-apply', annotated({ x: '1' }))
    .write('kubectl-edit', annotated({ x: '1' }, { x: '5' }));
  assert.match(conflictOf(() => other.apply('kubectl', { data: { x: '2' } })).message, /"kubectl-edit" using v1: \.data\.x$/);
  assert.match(conflictOf(() => applied.apply('helm', { data: { y: '3' } })).message, /kubectl-client-side-apply/);
});

test('a configuration is refused for what the type does not have, or that cannot be told apart', () => {
  const refused = (kind: typeof podKind, object: object, text: string) =>
    assert.throws(() => new Applied(kind).apply('me', object), { message: text });
  refused(deploymentKind, { spec: { replica: 1 } }, '.spec.replica: field not declared in schema');
  refused(deploymentKind, { spec: { replicas: 'x' } }, '.spec.replicas: expected numeric (int or float), got string');
  refused(
    podKind,
    { spec: { containers: [{ name: 'a' }, { name: 'a' }] } },
    '.spec.containers: duplicate entries for key [name="a"]',
  );
  refused(podKind, { spec: { containers: 'x' } }, '.spec.containers: expected list, got &{x}');
  refused(
    podKind,
    { spec: { containers: [null] } },
    '.spec.containers: element 0: associative list with keys may not have a null element',
  );
});

test('a plain write owns what it changed, and its field is lost by whoever had it', () => {
  const applied = new Applied(configMapKind)
    .apply('a', { data: { x: '1', y: '1' } })
    .write('kubectl-edit', { data: { x: '2', y: '1' } });
  assert.deepEqual(applied.owned('a'), ['.data.y']);
  assert.deepEqual(applied.owned('kubectl-edit'), ['.data.x']);
  applied.write('kubectl-edit', { data: { x: '2' } });
  assert.deepEqual(applied.owned('a'), []);
});

test('the eleventh who writes makes the oldest two one', () => {
  const applied = new Applied(configMapKind).apply('a', { data: { base: '1' } });
  const data: Record<string, string> = { base: '1' };
  for (let i = 0; i < 12; i++) {
    data[`k${i}`] = '1';
    applied.write(`writer-${i}`, { data });
  }
  const updaters = applied.entries!.filter(({ operation }) => operation === 'Update');
  assert.equal(updaters.length, 10);
  assert.deepEqual(applied.owned('ancient-changes'), ['.data.k0', '.data.k1', '.data.k2']);
});

/** Defaults and validation of core kinds other than pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeObject } from '../../machinery/decode.ts';
import type { KindDefinition, WriteContext } from '../../machinery/kind.ts';
import { apiVersionOf } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specimensOf } from '../../test-specimens.ts';
import { configMapKind } from './config-map.ts';
import { eventKind } from './event.ts';
import { namespaceKind } from './namespace.ts';
import { nodeKind } from './node.ts';
import { persistentVolumeClaimKind } from './persistent-volume-claim.ts';
import { secretKind } from './secret.ts';
import { serviceKind } from './service.ts';

const context: WriteContext = { nowMs: 0, user: { name: 'u', groups: [] } };
const make = (kind: KindDefinition, fields: object, metadata: object = { name: 'a', namespace: 'b' }): DynamicObject => {
  const { object } = decodeObject(kind, {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: structuredClone(metadata),
    ...structuredClone(fields),
  });
  kind.setDefaults?.(object);
  return object;
};
const texts = (errors: readonly { field: string; message: string }[] = []) =>
  errors.map(({ field, message }) => `${field}: ${message}`);
const complaints = (kind: KindDefinition, fields: object, metadata?: object) =>
  texts(kind.validate!(make(kind, fields, metadata), context));
const changes = (kind: KindDefinition, before: object, after: object) =>
  specimensOf(kind).refusals(make(kind, before), make(kind, after));
const base64 = (text: string) => Buffer.from(text).toString('base64');

test('a namespace begins active, with its finalizer and its name as a label', () => {
  const namespace = make(namespaceKind, {}, { name: 'a' });
  namespaceKind.prepareForCreate!(namespace, context);
  assert.deepEqual(namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'a', labels: { 'kubernetes.io/metadata.name': 'a' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
});

test("finalize changes a namespace's finalizers, status does not", () => {
  const [finalize, status] = ['finalize', 'status'].map((name) => namespaceKind.parts.find((part) => part.name === name)!);
  const existing = make(namespaceKind, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
  const requested = make(namespaceKind, { spec: { finalizers: [] }, status: { phase: 'Terminating' } });
  assert.deepEqual(finalize!.merge(existing, requested, context)['spec'], {});
  assert.deepEqual(finalize!.merge(existing, requested, context)['status'], { phase: 'Active' });
  const updated = status!.merge(existing, requested, context);
  assert.deepEqual([updated['spec'], updated['status']], [{ finalizers: ['kubernetes'] }, { phase: 'Terminating' }]);
  assert.deepEqual(texts(status!.validate!(updated, existing, context)), [
    'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
  ]);
});

test('a secret is opaque unless it says otherwise, and stringData becomes data', () => {
  const secret = make(secretKind, { stringData: { a: 'x' }, data: { a: base64('old'), b: base64('y') } });
  assert.deepEqual(
    [secret['type'], secret['data'], secret['stringData']],
    ['Opaque', { a: base64('x'), b: base64('y') }, undefined],
  );
});

test('secrets are checked for keys, size and what their type needs', () => {
  assert.deepEqual(complaints(secretKind, { data: { a: base64('x') } }), []);
  assert.match(
    complaints(secretKind, { data: { 'a b': '' } })[0]!,
    /^data\[a b\]: Invalid value: "a b": a valid config key must/,
  );
  assert.deepEqual(complaints(secretKind, { data: { a: Buffer.alloc(1024 * 1024 + 1).toString('base64') } }), [
    'data: Too long: may not be more than 1048576 bytes',
  ]);
  // Of a ConfigMap it is said of the whole, whose path is an empty name.
  assert.deepEqual(complaints(configMapKind, { data: { a: 'x'.repeat(1024 * 1024 + 1) } }), [
    '[]: Too long: may not be more than 1048576 bytes',
  ]);
  assert.deepEqual(complaints(secretKind, { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }), [
    'data[tls.key]: Required value',
  ]);
  assert.deepEqual(complaints(secretKind, { type: 'kubernetes.io/service-account-token' }), [
    'metadata.annotations[kubernetes.io/service-account.name]: Required value',
  ]);
  assert.deepEqual(complaints(secretKind, { type: 'bootstrap.kubernetes.io/token', data: { 'token-id': base64('abcdef') } }), []);
});

test('an immutable secret or config map stays as it is', () => {
  const fixed = 'field is immutable when `immutable` is set';
  assert.deepEqual(changes(secretKind, { immutable: true, data: { a: '' } }, { immutable: true, data: { b: '' } }), [
    `data: Forbidden: ${fixed}`,
  ]);
  assert.deepEqual(changes(configMapKind, { immutable: true }, {}), [`immutable: Forbidden: ${fixed}`]);
  assert.deepEqual(changes(configMapKind, { data: { a: '1' } }, { data: { a: '2' } }), []);
  assert.deepEqual(changes(secretKind, { type: 'a/b' }, {}), ['type: Invalid value: "Opaque": field is immutable']);
});

test('a config map has each key once', () => {
  assert.deepEqual(complaints(configMapKind, { data: { a: 'x' }, binaryData: { a: '' } }), [
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ]);
});

test('a service of one port gets all defaults', () => {
  assert.deepEqual(make(serviceKind, { spec: { ports: [{ port: 80 }] } })['spec'], {
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
    internalTrafficPolicy: 'Cluster',
  });
});

test('services are checked in upstream words', () => {
  assert.deepEqual(complaints(serviceKind, { spec: {} }), ['spec.ports: Required value']);
  assert.deepEqual(complaints(serviceKind, { spec: { clusterIP: 'None', clusterIPs: ['None'] } }), []);
  assert.deepEqual(complaints(serviceKind, { spec: { ports: [{ port: 0 }] } }), [
    'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
  ]);
  assert.deepEqual(complaints(serviceKind, { spec: { ports: [{ port: 1 }, { port: 2 }] } }), [
    'spec.ports[0].name: Required value',
    'spec.ports[1].name: Required value',
  ]);
  assert.deepEqual(complaints(serviceKind, { spec: { type: 'ExternalName' } }), ['spec.externalName: Required value']);
  assert.deepEqual(complaints(serviceKind, { spec: { ports: [{ port: 1 }], clusterIP: 'x', clusterIPs: ['x'] } }), [
    'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ]);
  const spec = { ports: [{ port: 1 }], clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'] };
  assert.deepEqual(changes(serviceKind, { spec }, { spec: { ...spec, clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] } }), [
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
  ]);
  const about = (more: object) => complaints(serviceKind, { spec: { ...spec, ...more } });
  assert.deepEqual(about({ clusterIPs: ['10.0.0.1', '10.0.0.2'] }), [
    'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
  ]);
  assert.deepEqual(about({ clusterIPs: ['10.0.0.3'] }), [
    'spec.clusterIPs: Invalid value: ["10.0.0.3"]: first value must match `clusterIP`',
  ]);
  assert.deepEqual(about({ ipFamilies: ['IPv6'] }), [
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ]);
  assert.deepEqual(about({ ports: [{ port: 1, nodePort: 30000 }] }), [
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ]);
  assert.deepEqual(about({ healthCheckNodePort: 30000, externalTrafficPolicy: 'Local' }), [
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
  ]);
});

test('nodes keep their pod addresses and have each taint once', () => {
  const taint = { key: 'a', effect: 'NoSchedule' };
  assert.match(
    complaints(nodeKind, { spec: { taints: [taint, taint] } })[0]!,
    /^metadata\.taints\[1\]: Duplicate value: .*: taints must be unique by key and effect pair$/,
  );
  assert.match(
    complaints(nodeKind, { spec: { taints: [{ ...taint, effect: 'Never' }] } })[0]!,
    /Unsupported value: "Never": supported values: "NoSchedule"/,
  );
  assert.deepEqual(make(nodeKind, { spec: { podCIDR: '10.0.0.0/24' } })['spec'], {
    podCIDR: '10.0.0.0/24',
    podCIDRs: ['10.0.0.0/24'],
  });
  assert.deepEqual(changes(nodeKind, { spec: { podCIDR: '10.0.0.0/24' } }, { spec: { podCIDR: '10.0.1.0/24' } }), [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ]);
  assert.deepEqual(changes(nodeKind, { spec: {} }, { spec: { podCIDR: '10.0.1.0/24' } }), []);
});

test('an event lives in the namespace of what it is about', () => {
  const about = (namespace: string | undefined, own: string) =>
    complaints(eventKind, { involvedObject: { kind: 'Pod', name: 'p', namespace } }, { name: 'e', namespace: own });
  assert.deepEqual(about('a', 'a'), []);
  assert.deepEqual(about(undefined, 'default'), []);
  assert.deepEqual(about('a', 'b'), ['involvedObject.namespace: Invalid value: "a": does not match event.namespace']);
  assert.deepEqual(about(undefined, 'b'), ['involvedObject.namespace: Invalid value: "": does not match event.namespace']);
});

test('what may not change of a secret or a config map is told before what is wrong with it', () => {
  const fixed = 'field is immutable when `immutable` is set';
  const shown = (texts: string[]) => texts.map((text) => text.replace(/: a valid config key.*/, ''));
  const before = { type: 'a/b', immutable: true };
  assert.deepEqual(shown(changes(secretKind, before, { data: { 'a b': '' } })), [
    'type: Invalid value: "Opaque": field is immutable',
    `immutable: Forbidden: ${fixed}`,
    `data: Forbidden: ${fixed}`,
    'data[a b]: Invalid value: "a b"',
  ]);
  assert.deepEqual(shown(changes(configMapKind, { immutable: true }, { immutable: true, data: { 'a b': '' } })), [
    `data: Forbidden: ${fixed}`,
    'data[a b]: Invalid value: "a b"',
  ]);
});

test('a choice that is there and empty is none, where it could also be left out', () => {
  const ports = [{ port: 1 }];
  assert.deepEqual(complaints(serviceKind, { spec: { ports, internalTrafficPolicy: '' } }), [
    'spec.internalTrafficPolicy: Unsupported value: "": supported values: "Cluster", "Local"',
  ]);
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeMode: '' };
  assert.deepEqual(complaints(persistentVolumeClaimKind, { spec: claim }), [
    'spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"',
  ]);
});

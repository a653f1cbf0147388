import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeObject, strictDecodingError } from './decode.ts';
import { schemaNames } from './schema.ts';

const pod = { group: '', version: 'v1', kind: 'Pod', schema: 'V1Pod' };
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment', schema: 'V1Deployment' };

const refusal = (kind: typeof pod, json: unknown): string => {
  try {
    decodeObject(kind, structuredClone(json));
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

test('wrong types are refused as Go does', () => {
  const cases: readonly [unknown, string][] = [
    [[], 'json: cannot unmarshal array into Go value of type v1.Pod'],
    [
      { metadata: { labels: 'a' } },
      'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string',
    ],
    [
      { metadata: { labels: { a: 1 } } },
      'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [{ spec: 'x' }, 'json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec'],
    [
      { spec: { containers: {} } },
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ],
    [
      { spec: { containers: [{ env: [{ name: 'A', value: 5 }] }] } },
      'json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string',
    ],
    [
      { spec: { containers: [{ ports: [{ containerPort: 1.5 }] }] } },
      'json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ],
    [
      { spec: { activeDeadlineSeconds: 2 ** 63 } },
      'json: cannot unmarshal number 9223372036854775808 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64',
    ],
    [
      { spec: { hostNetwork: 'true' } },
      'json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool',
    ],
    [
      { metadata: { creationTimestamp: 'yesterday' } },
      'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ],
    [
      { spec: { containers: [{ resources: { limits: { cpu: 'lots' } } }] } },
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ];
  for (const [json, message] of cases)
    assert.equal(refusal(pod, json), `Pod in version "v1" cannot be handled as a Pod: ${message}`);
});

test('the version is named without the group', () => {
  assert.equal(
    refusal(deployment, { spec: { replicas: 'two' } }),
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  );
});

test('unknown fields are dropped and named', () => {
  const { object, unknownFields } = decodeObject(pod, {
    metadata: { name: 'a', nam: 'b' },
    spec: { containers: [{ name: 'c', imagee: 'x' }], foo: 1 },
    Kind: 'Pod',
  });
  assert.deepEqual(object, { metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } });
  assert.deepEqual(unknownFields, ['metadata.nam', 'spec.containers[0].imagee', 'spec.foo', 'Kind']);
});

test('nulls are left out, and are zero inside lists and maps', () => {
  const { object } = decodeObject(pod, {
    metadata: { creationTimestamp: null, labels: { a: null } },
    spec: { containers: [null], nodeSelector: null },
  });
  assert.deepEqual(object, { metadata: { labels: { a: '' } }, spec: { containers: [{ name: '' }] } });
});

test('empty lists and maps of optional fields are left out, those that are always written stay', () => {
  const { object } = decodeObject(pod, {
    metadata: { labels: {}, finalizers: [] },
    spec: { containers: [], volumes: [{ name: 'v', emptyDir: {} }] },
  });
  assert.deepEqual(object, { metadata: {}, spec: { containers: [], volumes: [{ name: 'v', emptyDir: {} }] } });
  const role = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole', schema: 'V1ClusterRole' };
  assert.deepEqual(decodeObject(role, { rules: [] }).object, { rules: [], metadata: {} });
});

test('times and quantities get their canonical form', () => {
  const { object } = decodeObject(pod, {
    metadata: { creationTimestamp: '2024-01-01T01:00:00.75+02:00' },
    spec: { containers: [{ resources: { limits: { cpu: 1, memory: '1024Mi' } } }], overhead: { cpu: '1000m' } },
  });
  assert.deepEqual(object, {
    metadata: { creationTimestamp: '2023-12-31T23:00:00Z' },
    spec: { containers: [{ name: '', resources: { limits: { cpu: '1', memory: '1Gi' } } }], overhead: { cpu: '1' } },
  });
});

test('bytes are base64, with or without line breaks', () => {
  const secret = { group: '', version: 'v1', kind: 'Secret', schema: 'V1Secret' };
  assert.deepEqual(decodeObject(secret, { data: { a: 'YWJj\nZA==' } }).object['data'], { a: 'YWJjZA==' });
  assert.match(refusal(secret, { data: { a: 'YW*j' } }), /illegal base64 data at input byte 2$/);
  assert.match(refusal(secret, { data: { a: 'YWJjZ' } }), /illegal base64 data at input byte 4$/);
});

test('a key called __proto__ stays a key', () => {
  const configMap = { group: '', version: 'v1', kind: 'ConfigMap', schema: 'V1ConfigMap' };
  const { object } = decodeObject(configMap, JSON.parse('{"data":{"__proto__":null,"b":"c"},"__proto__":{}}'));
  assert.equal(JSON.stringify(object), '{"data":{"__proto__":"","b":"c"},"metadata":{}}');
});

test('strict decoding names unknown and duplicate fields', () => {
  assert.equal(
    strictDecodingError(pod, ['duplicate field "metadata.name"', 'unknown field "spec.foo"']).message,
    'Pod in version "v1" cannot be handled as a Pod: strict decoding error: duplicate field "metadata.name", unknown field "spec.foo"',
  );
});

test('what is missing but always written has a zero value', () => {
  const binding = {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind: 'ClusterRoleBinding',
    schema: 'V1ClusterRoleBinding',
  };
  assert.deepEqual(decodeObject(binding, { subjects: [{}] }).object, {
    metadata: {},
    roleRef: { kind: '', name: '' },
    subjects: [{ kind: '', name: '' }],
  });
  assert.deepEqual(decodeObject(pod, { spec: {} }).object, { metadata: {}, spec: { containers: [] } });
});

test('every schema decodes an empty object, and any JSON without crashing', () => {
  for (const schema of schemaNames()) {
    const kind = { group: '', version: 'v1', kind: schema, schema };
    const { object } = decodeObject(kind, {});
    assert.deepEqual(decodeObject(kind, structuredClone(object)).object, object);
  }
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const message = refusal(pod, json);
      assert.ok(message === '' || message.startsWith('Pod in version'), message);
    }),
  );
});

test('decoding again changes nothing', () => {
  const labels = fc.dictionary(fc.string(), fc.string());
  const json = fc.record({
    metadata: fc.record({ labels, name: fc.string() }),
    spec: fc.record({ nodeSelector: labels, priority: fc.integer({ min: -99, max: 99 }) }),
  });
  fc.assert(
    fc.property(json, (value) => {
      const once = decodeObject(pod, structuredClone(value)).object;
      assert.deepEqual(decodeObject(pod, structuredClone(once)).object, once);
    }),
  );
});

test('empty lists and maps of optional fields are left out, as Go leaves them out; what is required or a structure stays', () => {
  const { object } = decodeObject(pod, {
    metadata: { labels: {}, annotations: {}, finalizers: [] },
    spec: { containers: [], nodeSelector: {}, tolerations: [], securityContext: {}, volumes: [{ name: 'a', emptyDir: {} }] },
  });
  assert.deepEqual(object, {
    metadata: {},
    spec: { containers: [], securityContext: {}, volumes: [{ name: 'a', emptyDir: {} }] },
  });
  const role = { group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole', schema: 'V1ClusterRole' };
  assert.deepEqual(decodeObject(role, { rules: [] }).object, { metadata: {}, rules: [] });
  assert.match(refusal(pod, { metadata: { labels: [] } }), /cannot unmarshal array/);
});

test('items of a schema that are neither a schema nor a list of some are read as none, anything else is a schema or a truth', () => {
  const kind = {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    schema: 'V1CustomResourceDefinition',
  };
  const versions = (schema: object) => ({ spec: { versions: [{ schema: { openAPIV3Schema: schema } }] } });
  for (const items of ['x', 1, true, [], null]) {
    const { object } = decodeObject(kind, versions({ type: 'string', items }));
    const { spec } = object as unknown as ReturnType<typeof versions>;
    assert.deepEqual(spec.versions[0]!.schema.openAPIV3Schema, { type: 'string' });
  }
  for (const values of ['x', 1, [], [{}]])
    assert.match(refusal(kind, versions({ additionalProperties: values })), /: boolean or JSON schema expected$/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Container, V1Pod, V1Service } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { containerEnvironment, type EnvironmentSources } from './container-environment.ts';
import { downwardField, formatMap } from './downward-fields.ts';
import { environmentFileValue } from './environment-file.ts';
import { resourceField } from './resource-fields.ts';
import { servicesForPod, serviceVariables } from './service-variables.ts';
import { expandAll, expandVariables } from './variable-expansion.ts';

const pod: V1Pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', labels: { app: 'web', 'a.b/c': 'x"y' }, annotations: { Note: 'ä\n' } },
  spec: {
    nodeName: 'node1',
    serviceAccountName: 'robot',
    containers: [{ name: 'c', resources: { limits: { cpu: '250m', memory: '64Mi' }, requests: { cpu: '100m' } } }],
    initContainers: [{ name: 'i' }],
  },
};

const sources = (data: Record<string, Record<string, string>> = {}): EnvironmentSources => ({
  objects: {
    configMap: async (namespace, name) => {
      if (!Object.hasOwn(data, name)) throw notFound({ group: '', resource: 'configmaps' }, name);
      return { metadata: { name, namespace }, data: data[name]! };
    },
    secret: async (namespace, name) => {
      if (!Object.hasOwn(data, name)) throw notFound({ group: '', resource: 'secrets' }, name);
      const encoded = Object.entries(data[name]!).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
      return { metadata: { name, namespace }, data: Object.fromEntries(encoded) };
    },
  },
  addresses: { podIps: ['10.0.0.7', 'fd00::7'], hostIps: ['192.0.2.1'] },
  allocatable: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' },
  services: [{ name: 'DB_SERVICE_HOST', value: '10.96.0.9' }],
  fileValue: async ({ key }) => (key === 'KNOWN' ? 'from a file' : undefined),
});

const environment = async (container: Partial<V1Container>, data?: Record<string, Record<string, string>>) => {
  const variables = await containerEnvironment(pod, { name: 'c', ...container }, sources(data));
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
};

test('$(VAR) is expanded as upstream does it', () => {
  const cases: readonly [string, string][] = [
    ['$(A)', 'one'],
    ['x-$(A)-$(A)y', 'x-one-oney'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$(NOPE)', '$(NOPE)'],
    ['$(A', '$(A'],
    ['$A $', '$A $'],
    ['$()', '$()'],
    ['$($(A))', '$($(A))'],
    ['$$$$', '$$'],
    ['', ''],
  ];
  for (const [text, expanded] of cases)
    assert.equal(
      expandVariables(text, (name) => (name === 'A' ? 'one' : undefined)),
      expanded,
      text,
    );
});

test('text without a dollar sign is left alone, and expanding never fails', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('$')),
      (text) => expandVariables(text, () => 'x') === text,
    ),
  );
  fc.assert(fc.property(fc.stringMatching(/^[$()A-C ]*$/), (text) => typeof expandVariables(text, () => undefined) === 'string'));
});

test('variables that multiply one another end as an error before they fill the memory', async () => {
  const doubling = Array.from({ length: 40 }, (_, i) => ({ name: `A${i + 1}`, value: `$(A${i})$(A${i})` }));
  await assert.rejects(environment({ env: [{ name: 'A0', value: 'x'.repeat(1000) }, ...doubling] }), /longer than 1048576 bytes/);
  const many = Array.from({ length: 100 }, (_, i) => ({ name: `B${i}`, value: '$(A)'.repeat(1000) }));
  await assert.rejects(environment({ env: [{ name: 'A', value: 'x'.repeat(1000) }, ...many] }), /larger than 16777216 bytes/);
  const copies = Array.from({ length: 100 }, (_, i) => ({ prefix: `P${i}`, configMapRef: { name: 'large' } }));
  await assert.rejects(environment({ envFrom: copies }, { large: { KEY: 'x'.repeat(1_000_000) } }), /larger than 16777216 bytes/);
  const million = 'x'.repeat(1_000_000);
  assert.throws(() => expandAll(Array(100).fill('$(A)'), () => million), /larger than 16777216 bytes/);
  // If each of them looked for the end that is not there, the kubelet would stand still for seconds.
  const open = '$('.repeat(500_000);
  assert.ok(expandVariables(open, () => undefined) === open);
});

test('env goes before envFrom, both before services; values see what stands before them', async () => {
  const variables = await environment(
    {
      envFrom: [{ configMapRef: { name: 'cm' }, prefix: 'P_' }, { secretRef: { name: 's' } }],
      env: [
        { name: 'EARLY', value: '$(LATE)' },
        { name: 'LATE', value: 'late' },
        { name: 'P_a', value: '$(P_a)!' },
        { name: 'URL', value: 'http://$(DB_SERVICE_HOST)/$(LATE)' },
        { name: 'EMPTY' },
      ],
    },
    { cm: { a: '1', 'b.c': '2' }, s: { token: 't' } },
  );
  assert.deepEqual(variables, {
    P_a: '1!',
    'P_b.c': '2',
    token: 't',
    EARLY: '$(LATE)',
    LATE: 'late',
    URL: 'http://10.96.0.9/late',
    EMPTY: '',
    DB_SERVICE_HOST: '10.96.0.9',
  });
});

test('what is missing is told in upstream’s words, unless it is optional', async () => {
  const from = (source: object): Partial<V1Container> => ({ env: [{ name: 'X', valueFrom: source }] });
  const refused: readonly [Partial<V1Container>, RegExp][] = [
    [from({ configMapKeyRef: { name: 'none', key: 'k' } }), /^configmaps "none" not found$/],
    [from({ configMapKeyRef: { name: 'cm', key: 'k' } }), /^couldn't find key k in ConfigMap shop\/cm$/],
    [from({ configMapKeyRef: { name: 'cm', key: 'constructor' } }), /^couldn't find key constructor/],
    [from({ secretKeyRef: { name: 's', key: 'k' } }), /^couldn't find key k in Secret shop\/s$/],
    [from({ fileKeyRef: { volumeName: 'v', path: 'f', key: 'NO' } }), /^environment variable key "NO" not found in file "f"$/],
    [from({ fieldRef: { fieldPath: 'status.phase' } }), /^unsupported fieldPath: status.phase$/],
    [{ envFrom: [{ secretRef: { name: 'none' } }] }, /^secrets "none" not found$/],
  ];
  for (const [container, message] of refused)
    await assert.rejects(environment(container, { cm: {}, s: {} }), (error: Error) => message.test(error.message));
  const optional = { optional: true };
  const variables = await environment(
    {
      envFrom: [{ configMapRef: { name: 'none', ...optional } }],
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'none', key: 'k', ...optional } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k', ...optional } } },
        { name: 'C', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'f', key: 'NO', ...optional } } },
        { name: 'D', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'f', key: 'KNOWN' } } },
      ],
    },
    { s: {} },
  );
  assert.deepEqual(variables, { D: 'from a file', DB_SERVICE_HOST: '10.96.0.9' });
});

test('fields of the pod are shown as the downward API names them', () => {
  const addresses = sources().addresses;
  const shown: readonly [string, string][] = [
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.uid', 'u1'],
    ['metadata.labels', 'a.b/c="x\\"y"\napp="web"'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['constructor']", ''],
    ["metadata.annotations['Note']", 'ä\n'],
    ['spec.nodeName', 'node1'],
    ['spec.serviceAccountName', 'robot'],
    ['status.podIP', '10.0.0.7'],
    ['status.podIPs', '10.0.0.7,fd00::7'],
    ['status.hostIP', '192.0.2.1'],
    ['status.hostIPs', '192.0.2.1'],
  ];
  for (const [fieldPath, value] of shown) assert.equal(downwardField({ fieldPath }, pod, addresses), value, fieldPath);
  assert.throws(() => downwardField({ fieldPath: "metadata.name['x']" }, pod, addresses), /does not support subscript/);
  assert.throws(() => downwardField({ fieldPath: "metadata.labels['a b']" }, pod, addresses), /invalid key subscript/);
  assert.throws(() => downwardField({ fieldPath: 'spec.volumes' }, pod, addresses), /field label not supported: spec.volumes/);
});

test('maps are told a line a key', () => {
  assert.equal(formatMap({ b: '2', a: '1' }), 'a="1"\nb="2"');
  assert.equal(formatMap(undefined), '');
});

test('limits and requests are shown in units of the divisor, rounded up; a missing limit is the pod’s or the node’s', () => {
  const { allocatable } = sources();
  const value = (resource: string, divisor?: string, containerName?: string, of: V1Pod = pod) =>
    resourceField(
      { resource, ...(divisor && { divisor }), ...(containerName && { containerName }) },
      of,
      of.spec!.containers[0]!,
      allocatable,
    );
  assert.equal(value('limits.cpu'), '1');
  assert.equal(value('limits.cpu', '1m'), '250');
  assert.equal(value('limits.memory', '1Mi'), '64');
  assert.equal(value('limits.memory'), String(64 << 20));
  assert.equal(value('requests.cpu', '1m'), '100');
  assert.equal(value('requests.memory'), '0');
  assert.equal(value('limits.ephemeral-storage', '1Gi'), '10');
  assert.equal(value('limits.hugepages-2Mi'), '0');
  assert.equal(value('limits.cpu', '1', 'i'), '4');
  const limited = { ...pod, spec: { ...pod.spec!, resources: { limits: { cpu: '2', memory: '1Gi' } } } };
  assert.equal(value('limits.cpu', '1', 'i', limited), '2');
  assert.throws(() => value('limits.cpu', '1', 'x'), /container x not found/);
  assert.throws(() => value('limits.gpu'), /unsupported container resource : limits.gpu/);
});

test('services become the variables of Docker’s links', () => {
  const service = (name: string, clusterIP: string, ports: object[], namespace = 'shop'): V1Service =>
    ({ metadata: { name, namespace }, spec: { clusterIP, ports } }) as V1Service;
  const services = [
    service('my-db', '10.96.0.9', [
      { port: 5432, name: 'pg-sql' },
      { port: 53, protocol: 'UDP' },
    ]),
    service('headless', 'None', [{ port: 1 }]),
    service('other', '10.96.0.3', [{ port: 1 }], 'elsewhere'),
    service('kubernetes', '10.96.0.1', [{ port: 443, name: 'https' }], 'default'),
  ];
  const names = (links: boolean) =>
    servicesForPod(services, 'shop', { enableServiceLinks: links }).map(({ metadata }) => metadata!.name);
  assert.deepEqual(names(true), ['kubernetes', 'my-db']);
  assert.deepEqual(names(false), ['kubernetes']);
  assert.deepEqual(
    serviceVariables(services.slice(0, 2)).map(({ name, value }) => `${name}=${value}`),
    [
      'MY_DB_SERVICE_HOST=10.96.0.9',
      'MY_DB_SERVICE_PORT=5432',
      'MY_DB_SERVICE_PORT_PG_SQL=5432',
      'MY_DB_PORT=tcp://10.96.0.9:5432',
      'MY_DB_PORT_5432_TCP=tcp://10.96.0.9:5432',
      'MY_DB_PORT_5432_TCP_PROTO=tcp',
      'MY_DB_PORT_5432_TCP_PORT=5432',
      'MY_DB_PORT_5432_TCP_ADDR=10.96.0.9',
      'MY_DB_PORT_53_UDP=udp://10.96.0.9:53',
      'MY_DB_PORT_53_UDP_PROTO=udp',
      'MY_DB_PORT_53_UDP_PORT=53',
      'MY_DB_PORT_53_UDP_ADDR=10.96.0.9',
    ],
  );
  assert.equal(serviceVariables([service('six', 'fd00::1', [{ port: 80 }])])[2]!.value, 'tcp://[fd00::1]:80');
});

test('a file of variables gives up one of them', () => {
  const file = "# notes\n  A='1' # one\n\nB='two\nlines'\nC= 'none'\nD=''\r\n";
  assert.equal(environmentFileValue(file, 'A'), '1');
  assert.equal(environmentFileValue(file, 'B'), 'two\nlines');
  assert.equal(environmentFileValue(file, 'C'), undefined);
  assert.equal(environmentFileValue(file, 'D'), undefined);
  assert.equal(environmentFileValue(file, 'E'), undefined);
  const wrong: readonly [string, RegExp][] = [
    ['A', /line 1: missing '='/],
    ["A ='1'", /line 1: whitespace before '='/],
    ["='1'", /line 1: empty variable name/],
    ['\nA=1', /line 2: value must be enclosed/],
    ["A='1'x", /line 1: unexpected content/],
    ["A='1\n2", /starting at line 1: unclosed/],
  ];
  for (const [text, message] of wrong) assert.throws(() => environmentFileValue(text, 'Z'), message, text);
  fc.assert(
    fc.property(fc.stringMatching(/^[A-C='# \n]*$/), (text) => {
      try {
        environmentFileValue(text, 'A');
      } catch (error) {
        assert.match((error as Error).message, /^invalid environment variable format/);
      }
    }),
  );
});

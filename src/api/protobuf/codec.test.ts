import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runAtOnce } from '../../std/pauses.ts';
import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf, encodeProtobufWatchFrame } from './encode.ts';
import { encodeProtobufList } from './encode-in-steps.ts';
import { readEnvelope } from './envelope.ts';

/** A message by hand: [number, value], where a list is a message within. */
type Part = readonly [number, string | number | Buffer | readonly Part[]];

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function message(parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8), varint(value)];
      const bytes = typeof value === 'string' || Buffer.isBuffer(value) ? Buffer.from(value) : message(value);
      return [varint(number * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

const wrapped = (raw: Buffer, type: readonly Part[] = []) =>
  Buffer.concat([
    Buffer.from('k8s\0'),
    message([
      [1, type],
      [2, raw],
    ]),
  ]);
const read = (schema: string, ...parts: Part[]) => decodeProtobuf(wrapped(message(parts)), schema);
const roundTrip = (schema: string, object: Record<string, unknown>) =>
  decodeProtobuf(encodeProtobuf(object, schema, { apiVersion: '', kind: '' }), schema);
const refuses = (bytes: Buffer, pattern: RegExp, schema = 'V1ConfigMap') =>
  assert.throws(
    () => decodeProtobuf(bytes, schema),
    (error) => error instanceof ProtobufError && pattern.test(error.message),
  );

test('zeros that are pointers in Go are kept, others are left out', () => {
  // DeploymentSpec: replicas = 1 is a pointer, minReadySeconds = 5 is none, paused = 7 is none.
  const { spec } = read('V1Deployment', [
    2,
    [
      [1, 0],
      [5, 0],
      [7, 0],
    ],
  ]);
  assert.equal((spec as { replicas: number }).replicas, 0);
  assert.deepEqual(Object.keys(spec as object).sort(), ['replicas', 'strategy', 'template']);
});

test('what Go writes in JSON although it is empty is there', () => {
  assert.deepEqual(read('V1Deployment'), {
    metadata: {},
    spec: { template: { metadata: {}, spec: {} }, strategy: {} },
    status: {},
  });
});

test('a later value takes the place of an earlier one, also when it is zero; messages merge', () => {
  assert.deepEqual(
    read(
      'V1ConfigMap',
      [
        1,
        [
          [1, 'a'],
          [3, 'ns'],
        ],
      ],
      [1, [[1, 'b']]],
    ),
    { metadata: { name: 'b', namespace: 'ns' } },
  );
  assert.deepEqual(read('V1ConfigMap', [1, [[1, 'a']]], [1, [[1, '']]]), { metadata: {} });
});

test('an embedded structure is one object with what is around it', () => {
  // Volume: name = 1, volumeSource = 2 { configMap = 19 { localObjectReference = 1 { name = 1 }, optional = 4 } }
  const object = { metadata: {}, spec: { volumes: [{ name: 'v', configMap: { name: 'm', optional: false } }], containers: [] } };
  const bytes = wrapped(
    message([
      [
        2,
        [
          [
            1,
            [
              [1, 'v'],
              [
                2,
                [
                  [
                    19,
                    [
                      [1, [[1, 'm']]],
                      [4, 0],
                    ],
                  ],
                ],
              ],
            ],
          ],
        ],
      ],
    ]),
  );
  const { spec } = decodeProtobuf(bytes, 'V1Pod') as typeof object;
  assert.deepEqual(spec.volumes, object.spec.volumes);
  assert.deepEqual((roundTrip('V1Pod', object) as typeof object).spec.volumes, object.spec.volumes);
});

test('times keep seconds, and micro times their microseconds; the epoch is no time', () => {
  const lease = (time: Part[]) =>
    (
      read('V1Lease', [
        2,
        [
          [3, time],
          [4, time],
        ],
      ])['spec'] as { acquireTime?: string }
    ).acquireTime;
  assert.equal(
    lease([
      [1, 5],
      [2, 1_234_999],
    ]),
    '1970-01-01T00:00:05.001234Z',
  );
  assert.equal(
    lease([
      [1, 0],
      [2, 0],
    ]),
    undefined,
  );
  assert.throws(() => lease([[1, 300_000_000_000]]), /out of range/);
  const spec = { acquireTime: '2026-01-02T03:04:05.000007Z', renewTime: '1969-12-31T23:59:58.500000Z' };
  const metadata = { creationTimestamp: '2026-01-02T03:04:05Z' };
  assert.deepEqual(roundTrip('V1Lease', { metadata, spec }), { metadata, spec });
});

test('numbers may be negative, large and packed', () => {
  const spec = { runAsUser: -1, supplementalGroups: [0, 9_007_199_254_740_991, -9_007_199_254_740_991] };
  const again = roundTrip('V1Pod', { spec: { securityContext: spec } }) as { spec: { securityContext: unknown } };
  assert.deepEqual(again.spec.securityContext, spec);
  // PodSpec.securityContext = 14 { supplementalGroups = 4 }, packed into one value
  const packed = Buffer.concat([varint(1), varint(300), varint(-2)]);
  const read14 = read('V1Pod', [2, [[14, [[4, packed]]]]]) as typeof again;
  assert.deepEqual(read14.spec.securityContext, { supplementalGroups: [1, 300, -2] });
});

test('maps of quantities, of bytes and of lists are written and read', () => {
  const quota = { metadata: {}, spec: { hard: { cpu: '2', pods: '10' } }, status: {} };
  assert.deepEqual(roundTrip('V1ResourceQuota', quota), quota);
  const secret = { metadata: {}, data: { a: 'AP8=', empty: '' } };
  assert.deepEqual(roundTrip('V1Secret', secret), secret);
  const extra = { 'example.com/scopes': ['a', ''], none: [] };
  const review = roundTrip('V1SubjectAccessReview', { spec: { extra } }) as { spec: { extra: unknown } };
  assert.deepEqual(review.spec.extra, extra);
});

test('a number or a name, and raw JSON, keep what they are', () => {
  const ports = [
    { port: 1, targetPort: 'http' },
    { port: 2, targetPort: 0 },
  ];
  assert.deepEqual((roundTrip('V1Service', { spec: { ports } })['spec'] as { ports: unknown }).ports, ports);
  const data = { a: [1, null, { b: 'ü' }] };
  assert.deepEqual(roundTrip('V1ControllerRevision', { data, revision: 3 }), { metadata: {}, data, revision: 3 });
  refuses(wrapped(message([[2, [[1, '{']]]])), /no JSON/, 'V1ControllerRevision');
});

test('a map may have the key __proto__', () => {
  const data = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
  const again = roundTrip('V1ConfigMap', { data })['data'] as Record<string, string>;
  assert.deepEqual(Object.entries(again), [['__proto__', 'x']]);
});

test('fields that are not known are skipped, whatever they hold', () => {
  const group = Buffer.concat([varint(99 * 8 + 3), message([[1, 1]]), varint(99 * 8 + 4)]); // 99 { 1: 1 }
  const fixed = Buffer.concat([varint(98 * 8 + 1), Buffer.alloc(8), varint(97 * 8 + 5), Buffer.alloc(4)]);
  const raw = Buffer.concat([
    group,
    message([
      [96, 'text'],
      [95, 7],
    ]),
    fixed,
    message([[1, [[1, 'n']]]]),
  ]);
  assert.deepEqual(decodeProtobuf(wrapped(raw), 'V1ConfigMap'), { metadata: { name: 'n' } });
});

test('bytes that are no such message are refused', () => {
  refuses(Buffer.from('{}'), /expected prefix/);
  refuses(Buffer.alloc(0), /expected prefix/);
  refuses(wrapped(Buffer.from([0x0a, 5, 0])), /unexpected EOF/);
  refuses(wrapped(Buffer.from([0x0a])), /unexpected EOF/);
  refuses(wrapped(Buffer.from([0x02, 0])), /illegal tag 0/);
  refuses(wrapped(Buffer.from([0x08, 0])), /wrong wireType = 0 for field metadata of V1ConfigMap/);
  refuses(wrapped(Buffer.from([0x0e, 0])), /wrong wireType/);
  refuses(wrapped(Buffer.from([...Array(10).fill(0xff), 1])), /integer overflow/);
  refuses(wrapped(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])), /unexpected EOF/);
  refuses(wrapped(Buffer.concat(Array(200).fill(varint(99 * 8 + 3)))), /max depth/);
  refuses(wrapped(message([]), [[1, 'v1']]), /no protobuf form/, 'V1WatchEvent');
  refuses(Buffer.concat([Buffer.from('k8s\0'), message([[3, 'gzip']])]), /content encoding "gzip" is not supported/);
});

test('an inner message may not reach beyond the one around it', () => {
  // metadata says 2 bytes and holds a name of 9, which would lie in what follows
  refuses(wrapped(Buffer.concat([Buffer.from([0x0a, 2, 0x0a, 9]), Buffer.alloc(20)])), /unexpected EOF/);
});

test('a small body cannot become an object that fills the memory', () => {
  const containers = Buffer.alloc(2 * 1024 * 1024); // PodSpec.containers = 2, each of them empty
  for (let i = 0; i < containers.length; i += 2) containers[i] = 0x12;
  refuses(wrapped(message([[2, containers]])), /more than 250000 messages/, 'V1Pod');
});

test('a value of another type than its field’s is not written', () => {
  const write = (object: Record<string, unknown>, schema = 'V1ConfigMap') =>
    encodeProtobuf(object, schema, { apiVersion: 'v1', kind: 'x' });
  assert.throws(() => write({ metadata: { name: 1 } }), ProtobufError);
  assert.throws(() => write({ metadata: [] }), ProtobufError);
  assert.throws(() => write({ metadata: { generation: 1.5 } }), ProtobufError);
  assert.throws(() => write({ metadata: { finalizers: 'x' } }), ProtobufError);
  assert.throws(() => write({ metadata: { creationTimestamp: 'yesterday' } }), ProtobufError);
});

test('a list has its items in order, and its type', () => {
  const items = ['a', 'b', 'c'].map((name) => ({ metadata: { name } }));
  const steps = encodeProtobufList(
    items,
    'V1ConfigMap',
    { resourceVersion: '7', remainingItemCount: 0 },
    { apiVersion: 'v1', kind: 'ConfigMapList' },
  );
  const bytes = runAtOnce(steps);
  assert.equal(readEnvelope(bytes).kind, 'ConfigMapList');
  assert.deepEqual(decodeProtobuf(bytes, 'V1ConfigMapList'), {
    apiVersion: 'v1',
    kind: 'ConfigMapList',
    metadata: { resourceVersion: '7', remainingItemCount: 0 },
    items,
  });
});

test('an event of a watch is its length, its type and an object in an envelope of its own', () => {
  const object = encodeProtobuf({ metadata: { name: 'n' } }, 'PartialObjectMetadata', {
    apiVersion: 'meta.k8s.io/v1',
    kind: 'PartialObjectMetadata',
  });
  const frame = encodeProtobufWatchFrame('ADDED', object);
  assert.equal(frame.readUInt32BE(0), frame.length - 4);
  assert.equal(
    frame.subarray(4).toString('hex'),
    message([
      [1, 'ADDED'],
      [2, [[1, object]]],
    ]).toString('hex'),
  );
});

test('the rules of alpha roles, and what API release 1.36 added, stand under their own numbers', () => {
  const rules: Part = [
    2,
    [
      [1, 'get'],
      [3, 'apps'],
      [4, 'deployments'],
      [5, 'web'],
      [6, '/healthz'],
    ],
  ];
  assert.deepEqual(read('RbacV1alpha1Role', rules)['rules'], [
    { verbs: ['get'], apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['web'], nonResourceURLs: ['/healthz'] },
  ]);
  const group = read('V1Pod', [2, [[43, [[1, 'workers']]]]])['spec'] as Record<string, unknown>;
  assert.deepEqual(group['schedulingGroup'], { podGroupName: 'workers' });
  const device = { name: 'gpu', attributes: { speeds: { ints: [1, 2], strings: ['a'], bools: [true], versions: ['1.0.0'] } } };
  const slice = {
    metadata: {},
    spec: { driver: 'd', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices: [device] },
  };
  assert.deepEqual(roundTrip('V1ResourceSlice', slice), slice);
});

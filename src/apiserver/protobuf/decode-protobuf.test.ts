import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StatusError } from '../../api/machinery/status-error.ts';
import { decodeProtobuf } from './decode-protobuf.ts';

const bytes = (number: number, value: Buffer | string) => {
  const body = Buffer.from(value);
  assert.ok(body.length < 128 && number < 16);
  return Buffer.concat([Buffer.from([(number << 3) | 2, body.length]), body]);
};
const varint = (number: number, value: number) => Buffer.from([number << 3, value]);
const join = (...parts: Buffer[]) => Buffer.concat(parts);
const envelope = (apiVersion: string, kind: string, raw: Buffer) =>
  join(Buffer.from('k8s\0'), bytes(1, join(bytes(1, apiVersion), bytes(2, kind))), bytes(2, raw));

test('a ConfigMap as kubectl sends it becomes the JSON that says the same', () => {
  // metadata = 1 { name = 1, generateName = 2, creationTimestamp = 8 }, data = 2, immutable = 4
  const metadata = join(bytes(1, 'x'), bytes(2, ''), bytes(8, ''));
  const raw = join(bytes(1, metadata), bytes(2, join(bytes(1, 'key'), bytes(2, 'value'))), varint(4, 0));
  assert.deepEqual(decodeProtobuf(envelope('v1', 'ConfigMap', raw), 'V1ConfigMap'), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data: { key: 'value' },
    immutable: false,
  });
});

test('embedded structures, times, lists and numbers are read', () => {
  // Volume: name = 1, volumeSource = 2 { hostPath = 1 { path = 1 } }; PodSpec: volumes = 1, terminationGracePeriodSeconds = 4
  const volume = join(bytes(1, 'v'), bytes(2, bytes(1, bytes(1, '/tmp'))));
  const spec = join(bytes(1, volume), varint(4, 0));
  const metadata = join(bytes(1, 'p'), bytes(8, varint(1, 5)));
  const decoded = decodeProtobuf(envelope('v1', 'Pod', join(bytes(1, metadata), bytes(2, spec))), 'V1Pod');
  assert.deepEqual(decoded['spec'], { volumes: [{ name: 'v', hostPath: { path: '/tmp' } }], terminationGracePeriodSeconds: 0 });
  assert.deepEqual(decoded['metadata'], { name: 'p', creationTimestamp: '1970-01-01T00:00:05Z' });
});

test('a field that is not known is refused rather than dropped', () => {
  assert.throws(
    () => decodeProtobuf(envelope('v1', 'ConfigMap', bytes(15, 'x')), 'V1ConfigMap'),
    /field 15 of V1ConfigMap is not known/,
  );
});

test('whatever the bytes are, the answer is an object or a bad request', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
      try {
        decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), bytes(2, Buffer.from(noise))]), 'V1Pod');
      } catch (error) {
        if (!(error instanceof StatusError) || error.code !== 400) throw error;
      }
    }),
    { numRuns: 2000, verbose: true },
  );
});

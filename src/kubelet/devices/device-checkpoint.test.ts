import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDeviceCheckpoint, encodeDeviceCheckpoint } from './device-checkpoint.ts';

/** As upstream's own code writes them. */
const EMPTY = '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}},"Checksum":3467439661}';
const WITHOUT_PODS =
  '{"Data":{"PodDeviceEntries":[],"RegisteredDevices":{"a.b/c":["x","y"],"a.b/d":null,"a.b/e":[]}},"Checksum":3657271172}';
const WITH_PODS =
  '{"Data":{"PodDeviceEntries":[{"PodUID":"uid-1","ContainerName":"main","ResourceName":"a.b/c","DeviceIDs":{"0":["x"],"10":["y","z"],"2":["v"]},"AllocResp":"CgPI"},{"PodUID":"uid-2","ContainerName":"main","ResourceName":"a.b/c","DeviceIDs":{"-1":["x"]},"AllocResp":""},{"PodUID":"uid-3","ContainerName":"main","ResourceName":"a.b/c","DeviceIDs":null,"AllocResp":null}],"RegisteredDevices":{"a.b/c":["x","y"]}},"Checksum":2348321557}';

test('what upstream’s kubelet wrote is read', () => {
  assert.equal(decodeDeviceCheckpoint(EMPTY).given.size, 0);
  const { registered } = decodeDeviceCheckpoint(WITHOUT_PODS);
  assert.deepEqual(
    [...registered],
    [
      ['a.b/c', ['x', 'y']],
      ['a.b/d', []],
      ['a.b/e', []],
    ],
  );
  // The bytes of its first answer are none that a plugin could have sent.
  assert.throws(() => decodeDeviceCheckpoint(WITH_PODS), { name: 'ProtobufError' });
});

test('a checkpoint that has been changed is not believed, nor one of another shape', () => {
  assert.throws(() => decodeDeviceCheckpoint(WITH_PODS.replace('uid-2', 'uid-4')), /checkpoint is corrupted/);
  for (const text of [
    'null',
    '{}',
    '{"Data":{}}',
    '{"Data":{"PodDeviceEntries":[null],"RegisteredDevices":{}}}',
    '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{"a":[{"toString":1}]}}}',
  ])
    assert.throws(() => decodeDeviceCheckpoint(text), /checkpoint is corrupted/, text);
  assert.throws(() => decodeDeviceCheckpoint('{'), SyntaxError);
});

test('what is written is read back, and nothing is written as upstream writes it', () => {
  const response = {
    envs: { A: 'b' },
    mounts: [{ container_path: '/c', host_path: '/h', read_only: true }],
    devices: [{ container_path: '/dev/c', host_path: '/dev/h', permissions: 'rw' }],
    annotations: { note: 'd' },
    cdi_devices: [{ name: 'vendor.com/gpu=0' }],
  };
  const byNode = new Map([
    [0, ['x']],
    [10, ['y', 'z']],
  ]);
  const given = new Map([['uid-1', new Map([['main', new Map([['a.b/c', { byNode, response }]])]])]]);
  const registered = new Map([['a.b/c', ['x', 'y', 'z']]]);
  const found = decodeDeviceCheckpoint(encodeDeviceCheckpoint({ given, registered }));
  assert.deepEqual(JSON.parse(JSON.stringify([...found.registered])), [...registered]);
  const devices = found.given.get('uid-1')!.get('main')!.get('a.b/c')!;
  assert.deepEqual([...devices.byNode], [...byNode]);
  assert.deepEqual(JSON.parse(JSON.stringify(devices.response)), response);
  assert.equal(encodeDeviceCheckpoint({ given: new Map(), registered: new Map() }), EMPTY);
});

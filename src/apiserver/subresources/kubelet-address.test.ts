import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeletAddress } from './kubelet-address.ts';

const node = (addresses: { type: string; address: string }[], Port?: number) => ({
  status: { addresses, ...(Port && { daemonEndpoints: { kubeletEndpoint: { Port } } }) },
});

test('the first preferred kind of address is taken, and the port that the node tells', () => {
  const found = node([
    { type: 'Hostname', address: 'n' },
    { type: 'InternalIP', address: '::1' },
  ]);
  assert.deepEqual(kubeletAddress(found, ['InternalIP', 'Hostname']), { host: '::1', port: 10250 });
  assert.deepEqual(kubeletAddress(node([{ type: 'Hostname', address: 'n' }], 1234), ['Hostname']), { host: 'n', port: 1234 });
  assert.throws(() => kubeletAddress(found, ['ExternalIP']), /no preferred addresses found/);
});

test('nothing said of a node is more than a host', () => {
  for (const address of ['elsewhere/x?', 'user@elsewhere', '::1]:1/#', 'a b', 'a\nb', '-', '%6c'])
    assert.throws(
      () => kubeletAddress(node([{ type: 'InternalIP', address }]), ['InternalIP']),
      /no preferred addresses/,
      address,
    );
});

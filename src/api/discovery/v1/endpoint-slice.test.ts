import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf, testContext } from '../../test-specimens.ts';
import { endpointSliceKind } from './endpoint-slice.ts';

const slices = specimensOf(endpointSliceKind);
const slice = (addressType: string, ...addresses: string[]) => ({ addressType, endpoints: [{ addresses }], ports: [] });

test('slices of names, and addresses written in an odd way, are spoken of', () => {
  assert.deepEqual(slices.warnings(slice('FQDN', 'a.example.com')), ['spec.addressType: FQDN endpoints are deprecated']);
  const odd = slice('IPv6', '2001:db8::1', '2001:DB8::2');
  const told = ['endpoints[0].addresses[1]: IPv6 address "2001:DB8::2" should be in RFC 5952 canonical format ("2001:db8::2")'];
  assert.deepEqual(slices.warnings(odd), told);
  const by = (controller: string) => ({ name: 's', labels: { 'endpointslice.kubernetes.io/managed-by': controller } });
  assert.deepEqual(slices.warnings(odd, by('endpointslice-controller.k8s.io')), []);
  assert.deepEqual(slices.warnings(odd, by('example.com/mine')), told);
  const made = slices.make(slice('FQDN', 'a.example.com'));
  assert.deepEqual(endpointSliceKind.warnings?.(made, made), []);
});

test('a label that named a node names it no more, unless no node can be called so', () => {
  const labelled = (name: string) =>
    slices.make({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], deprecatedTopology: { 'kubernetes.io/hostname': name } }],
      ports: [],
    });
  const after = (name: string) => {
    const [before, updated] = [labelled(name), labelled(name)];
    (updated['endpoints'] as { addresses: string[] }[])[0]!.addresses = ['10.0.0.2'];
    endpointSliceKind.prepareForUpdate?.(updated, before, testContext);
    return (updated['endpoints'] as object[])[0];
  };
  assert.deepEqual(after('n1'), { addresses: ['10.0.0.2'], conditions: {}, nodeName: 'n1' });
  assert.deepEqual(after('Not_A_Node'), { addresses: ['10.0.0.2'], conditions: {} });
});

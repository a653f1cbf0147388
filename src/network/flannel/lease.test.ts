import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Node } from '../../api/gen/types.ts';
import { annotationName, DEFAULT_ANNOTATION_PREFIX, isRangeInside, leaseAnnotations, leaseOf, podRangeOf } from './lease.ts';

const PREFIX = DEFAULT_ANNOTATION_PREFIX;

function node(annotations: Record<string, string>, podCIDR: string | undefined = '10.128.2.0/24'): V1Node {
  return { metadata: { name: 'n2', annotations }, spec: { ...(podCIDR && { podCIDR }) } };
}

const told = (more: Record<string, string> = {}) => ({
  ...leaseAnnotations(
    { family: 4, publicIp: '192.0.2.2', backendType: 'vxlan', vxlan: { vni: 1, mac: '02:00:00:00:00:02' } },
    PREFIX,
  ),
  ...more,
});

test('what a node tells is what the others read', () => {
  assert.deepEqual(told(), {
    'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"02:00:00:00:00:02"}',
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': '192.0.2.2',
  });
  assert.deepEqual(leaseOf(node(told()), PREFIX, 4), {
    nodeName: 'n2',
    subnet: '10.128.2.0/24',
    publicIp: '192.0.2.2',
    backendType: 'vxlan',
    vxlan: { vni: 1, mac: '02:00:00:00:00:02' },
  });
});

test('of IPv6 it has annotations of its own, beside those of IPv4', () => {
  const vxlan = { vni: 1, mac: '02:00:00:00:00:06' };
  const annotations = leaseAnnotations({ family: 6, publicIp: '2001:db8::2', backendType: 'vxlan', vxlan }, PREFIX);
  assert.deepEqual(annotations, {
    'flannel.alpha.coreos.com/backend-v6-data': '{"VNI":1,"VtepMAC":"02:00:00:00:00:06"}',
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ipv6': '2001:db8::2',
  });
  const dual: V1Node = {
    metadata: { name: 'n2', annotations: told(annotations) },
    spec: { podCIDRs: ['10.128.2.0/24', 'fd00:10:128:2::/64'] },
  };
  const six = leaseOf(dual, PREFIX, 6);
  assert.deepEqual([six?.subnet, six?.publicIp, six?.vxlan], ['fd00:10:128:2::/64', '2001:db8::2', vxlan]);
  assert.equal(leaseOf(dual, PREFIX, 4)?.publicIp, '192.0.2.2');
  assert.equal(leaseOf(node(annotations), PREFIX, 6), undefined, 'without a range of IPv6');
  for (const wrong of ['192.0.2.2', 'fe80::1%eth0', '::ffff:192.0.2.2', 'evil'])
    assert.equal(
      leaseOf({ ...dual, metadata: { annotations: told({ [`${PREFIX}/public-ipv6`]: wrong }) } }, PREFIX, 6),
      undefined,
      wrong,
    );
});

test('without a device there is no data, as flannel writes it', () => {
  const annotations = leaseAnnotations({ family: 4, publicIp: '192.0.2.2', backendType: 'host-gw' }, PREFIX);
  assert.equal(annotations[`${PREFIX}/backend-data`], 'null');
  assert.equal(leaseOf(node(annotations), PREFIX, 4)?.vxlan, undefined);
});

test('older nodes say no VNI; a prefix with a slash goes on with a dash', () => {
  assert.deepEqual(leaseOf(node(told({ [`${PREFIX}/backend-data`]: '{"VtepMAC":"0A:00:00:00:00:02"}' })), PREFIX, 4)?.vxlan, {
    vni: undefined,
    mac: '0a:00:00:00:00:02',
  });
  assert.equal(annotationName('example.com/flannel', 'public-ip'), 'example.com/flannel-public-ip');
});

test('a node that has told nothing, or nothing that can be used, has no lease', () => {
  assert.equal(leaseOf(node({}), PREFIX, 4), undefined);
  assert.equal(leaseOf(node(told(), ''), PREFIX, 4), undefined);
  for (const publicIp of ['', 'evil', '10.0.0.1 dev lo', '10.0.0.1\nroute', '010.0.0.1', 'fd00::1'])
    assert.equal(leaseOf(node(told({ [`${PREFIX}/public-ip`]: publicIp })), PREFIX, 4), undefined, publicIp);
  for (const mac of ['02:00:00:00:00:02 dev lo', '01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', 'x'])
    assert.equal(
      leaseOf(node(told({ [`${PREFIX}/backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: mac }) })), PREFIX, 4)?.vxlan,
      undefined,
      mac,
    );
});

test('whatever annotations hold, nothing but addresses comes out of them', () => {
  const text = fc.oneof(
    fc.string(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  );
  const annotations = fc.record({
    [`${PREFIX}/kube-subnet-manager`]: fc.constantFrom('true', 'false'),
    [`${PREFIX}/public-ip`]: fc.oneof(text, fc.ipV4()),
    [`${PREFIX}/backend-type`]: text,
    [`${PREFIX}/backend-data`]: text,
  });
  fc.assert(
    fc.property(annotations, (given) => {
      const lease = leaseOf(node(given), PREFIX, 4);
      assert.match(lease?.publicIp ?? '0.0.0.0', /^\d+(\.\d+){3}$/);
      assert.match(lease?.vxlan?.mac ?? '02:00:00:00:00:00', /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
    }),
  );
});

test('the first range of IPv4 counts, without bits beyond its length', () => {
  assert.equal(podRangeOf({ spec: { podCIDRs: ['fd00::/64', '10.1.2.3/24'] } }, 4), '10.1.2.0/24');
  assert.equal(podRangeOf({ spec: { podCIDRs: ['fd00::7/64', '10.1.2.3/24'] } }, 6), 'fd00::/64');
  assert.equal(podRangeOf({ spec: {} }, 4), undefined);
  assert.ok(isRangeInside('10.1.2.0/24', '10.0.0.0/8'));
  assert.ok(isRangeInside('10.1.2.0/24', '10.1.2.0/24'));
  assert.ok(!isRangeInside('10.0.0.0/8', '10.1.2.0/24'));
  assert.ok(!isRangeInside('x', '10.1.2.0/24'));
  assert.ok(isRangeInside('fd00:1:2::/64', 'fd00:1::/32'));
  assert.ok(!isRangeInside('0.0.0.0/8', '::/0'));
});

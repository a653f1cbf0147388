import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { parseNetConf } from './net-conf.ts';

const conf = (backend: object, more: object = {}) =>
  parseNetConf(JSON.stringify({ Network: '10.64.0.0/10', Backend: backend, ...more }));
const refusal = (message: RegExp) => ({ code: 'NET_CONF_INVALID', message });

test('NET-03, NET-19, NET-20 the runbooks’ configuration is vxlan with the kernel’s port and the first VNI', () => {
  assert.deepEqual(conf({ Type: 'vxlan' }), {
    networks: [{ family: 4, cidr: '10.64.0.0/10' }],
    backend: { type: 'vxlan', vni: 1, port: 8472, groupBasedPolicy: false, learning: false, directRouting: false },
    warnings: [],
  });
});

test('keys and types are read in any case, as Go reads them; without a backend it is vxlan', () => {
  const { backend } = parseNetConf(
    '{"network":"10.1.2.3/16","backend":{"type":"VXLAN","vni":7,"PORT":4789,"directrouting":true}}',
  );
  assert.deepEqual(backend, {
    type: 'vxlan',
    ...{ vni: 7, port: 4789, groupBasedPolicy: false, learning: false, directRouting: true },
  });
  assert.equal(parseNetConf('{"Network":"10.1.2.3/16"}').networks[0]?.cidr, '10.1.0.0/16');
  assert.equal(parseNetConf('{"Network":"10.1.0.0/16"}').backend.type, 'vxlan');
});

test('NET-21, NET-26 host-gw, ipip and alloc are there', () => {
  assert.deepEqual(conf({ Type: 'host-gw' }).backend, { type: 'host-gw' });
  assert.deepEqual(conf({ Type: 'ipip', DirectRouting: true }).backend, { type: 'ipip', directRouting: true });
  assert.deepEqual(conf({ Type: 'alloc' }).backend, { type: 'alloc' });
});

test('NET-22 to NET-25 every other backend of flannel is refused by name, with one to take instead', () => {
  for (const type of ['udp', 'wireguard', 'ipsec', 'ali-vpc', 'aws-vpc', 'gce', 'tencent-vpc', 'extension'])
    assert.throws(() => conf({ Type: type }), refusal(new RegExp(`the backend ${type} is not supported: .*use vxlan`)));
  assert.throws(() => conf({ Type: 'toString' }), refusal(/there is no backend "tostring"/));
});

test('what is not understood is refused by its name', () => {
  assert.throws(
    () => conf({ Type: 'vxlan', VNI: 0x1_00_00_00 }),
    refusal(/Backend\.VNI must be a whole number from 1 to 16777215/),
  );
  assert.throws(() => conf({ Type: 'vxlan', VNI: '' }), refusal(/Backend\.VNI/));
  assert.throws(() => conf({ Type: 'vxlan', Port: 70_000 }), refusal(/Backend\.Port/));
  assert.throws(() => conf({ Type: 'vxlan', GBP: 'yes' }), refusal(/Backend\.GBP must be true or false/));
  assert.throws(() => conf({ Type: 'host-gw', VNI: 1 }), refusal(/Backend\.VNI is no key of the backend host-gw/));
  assert.throws(() => conf({ Type: 'vxlan' }, { Netwrok: '' }), refusal(/"Netwrok" is no key/));
  assert.throws(() => conf({ Type: 'vxlan' }, { EnableIPv4: false }), refusal(/EnableIPv4 or EnableIPv6 must be true/));
  assert.throws(() => conf({ Type: 'vxlan' }, { Network: 'fd00::/64' }), refusal(/Network must be an IPv4 CIDR/));
  assert.throws(() => parseNetConf('{"Backend":{}}'), refusal(/Network must be .* not nothing/));
  assert.throws(() => parseNetConf('{"Network":{"toString":1}}'), refusal(/Network must be a string/));
  assert.throws(() => parseNetConf('nonsense'), refusal(/no JSON/));
});

test('pods have addresses of both families, or of IPv6 alone', () => {
  const six = { EnableIPv6: true, IPv6Network: 'fd00:10:64::1/48' };
  assert.deepEqual(conf({ Type: 'vxlan' }, six).networks, [
    { family: 4, cidr: '10.64.0.0/10' },
    { family: 6, cidr: 'fd00:10:64::/48' },
  ]);
  assert.deepEqual(
    conf({ Type: 'host-gw' }, { ...six, EnableIPv4: false }).networks.map(({ family }) => family),
    [6],
  );
  assert.throws(() => conf({}, { EnableIPv6: true }), refusal(/IPv6Network must be an IPv6 CIDR .* not nothing/));
  assert.throws(() => conf({}, { ...six, IPv6Network: '10.0.0.0/8' }), refusal(/IPv6Network must be an IPv6 CIDR/));
  assert.throws(() => conf({ Type: 'ipip' }, six), refusal(/EnableIPv6 is not supported with the backend ipip; use vxlan/));
  assert.match(conf({}, { IPv6Network: 'fd00::/48' }).warnings.join(), /without "EnableIPv6"/);
});

test('sizes of ranges change nothing where Nodes have theirs, and that is said', () => {
  assert.match(conf({ Type: 'vxlan' }, { SubnetLen: 24 }).warnings.join(), /subnetlen changes nothing/);
});

test('whatever the text is, it is read or refused by name', () => {
  const value = fc.jsonValue();
  const object = fc.record(
    {
      Network: fc.oneof(value, fc.constant('10.0.0.0/8')),
      Backend: fc.oneof(value, fc.dictionary(fc.string(), value)),
      __proto__: value,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        object.map((one) => JSON.stringify(one)),
      ),
      (text) => {
        try {
          parseNetConf(text);
        } catch (error) {
          assert.ok(error instanceof CodedError && error.code === 'NET_CONF_INVALID', String((error as Error).stack));
        }
      },
    ),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../std/coded-error.ts';
import { bridgeOf, DEFAULT_CNI_CONF, flannelConflist, parseCniConf } from './cni-conf.ts';

const LEGACY = '{"name":"cbr0","type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}';
const V4 = { family: 4, network: '10.128.0.0/9', subnet: '10.128.3.0/24' } as const;
const ENV = { ranges: [V4], mtu: 1450, ipMasq: true };
const refusal = (message: RegExp) => ({ code: 'CNI_CONF_INVALID', message });

test('the plugin flannel of old manifests becomes the plugins that it would hand on to', () => {
  assert.deepEqual(flannelConflist(parseCniConf(LEGACY), ENV, '/addresses'), {
    name: 'cbr0',
    cniVersion: '0.3.1',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        mtu: 1450,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        isDefaultGateway: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: '10.128.3.0/24' }]],
          routes: [{ dst: '10.128.0.0/9' }],
          dataDir: '/addresses',
        },
      },
    ],
  });
});

test('with two families a pod has an address of each', () => {
  const ranges = [V4, { family: 6, network: 'fd00:10:128::/48', subnet: 'fd00:10:128:3::/64' } as const];
  const { plugins } = flannelConflist(DEFAULT_CNI_CONF, { ...ENV, ranges }, undefined) as { plugins: { ipam?: unknown }[] };
  assert.deepEqual(plugins[0]?.ipam, {
    type: 'host-local',
    ranges: [[{ subnet: '10.128.3.0/24' }], [{ subnet: 'fd00:10:128:3::/64' }]],
    routes: [{ dst: '10.128.0.0/9' }, { dst: 'fd00:10:128::/48' }],
  });
});

test('a list with portmap maps host ports, and the bridge hides pods when flannel does not', () => {
  const text =
    '{"name":"n","cniVersion":"0.4.0","plugins":[{"type":"flannel","delegate":{"bridge":"br7","mtu":1300}},{"type":"portmap","capabilities":{"portMappings":true}}]}';
  const conf = parseCniConf(text);
  assert.equal(bridgeOf(conf), 'br7');
  const { plugins } = flannelConflist(conf, { ...ENV, ipMasq: false }, undefined) as { plugins: Record<string, unknown>[] };
  assert.deepEqual(
    plugins.map(({ type, mtu, ipMasq }) => [type, mtu, ipMasq]),
    [
      ['bridge', 1300, true],
      ['portmap', undefined, undefined],
    ],
  );
  assert.equal(parseCniConf('{"type":"flannel"}').name, DEFAULT_CNI_CONF.name);
});

test('whoever writes the ConfigMap does not choose the programs that run on nodes', () => {
  assert.throws(() => parseCniConf('{"type":"macvlan"}'), refusal(/the plugin "macvlan" is not supported/));
  assert.throws(() => parseCniConf('{"type":"flannel","delegate":{"type":"../../evil"}}'), refusal(/delegate\.type/));
  assert.throws(
    () => parseCniConf('{"type":"flannel","delegate":{"ipam":{"type":"evil"}}}'),
    refusal(/delegate\.ipam is not supported/),
  );
  assert.throws(() => parseCniConf('{"type":"flannel","delegate":{"bridge":"a b"}}'), refusal(/delegate\.bridge/));
  assert.throws(() => parseCniConf('{"type":"flannel","delegate":{"__proto__":true}}'), refusal(/delegate\.__proto__/));
  assert.throws(() => parseCniConf('{"type":"flannel","name":"../x"}'), refusal(/name/));
  assert.throws(() => parseCniConf('{"plugins":[{"type":"portmap"}]}'), refusal(/no plugin is flannel/));
  assert.throws(() => parseCniConf('{"type":"flannel","delegate":{"mtu":"1"}}'), refusal(/delegate\.mtu must be a number/));
});

test('whatever the text is, it is read or refused by name', () => {
  const plugin = fc.record({ type: fc.constantFrom('flannel', 'portmap'), delegate: fc.jsonValue() }, { requiredKeys: ['type'] });
  const object = fc.record({ name: fc.jsonValue(), plugins: fc.oneof(fc.array(plugin), fc.jsonValue()) }, { requiredKeys: [] });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.oneof(object, plugin).map((one) => JSON.stringify(one)),
      ),
      (text) => {
        try {
          parseCniConf(text);
        } catch (error) {
          assert.ok(error instanceof CodedError && error.code === 'CNI_CONF_INVALID', String((error as Error).stack));
        }
      },
    ),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from '../../std/flags.ts';
import { FLANNEL_FLAGS, NAME, readPatterns, refuseUnsupported, withEnvironment } from './flannel-flags.ts';

const read = (argv: readonly string[], env: Record<string, string> = {}) =>
  withEnvironment(parseFlags(NAME, FLANNEL_FLAGS, argv), env);

test('the flags of flannel’s manifests are taken, with one dash too', () => {
  const { values } = read(['--ip-masq', '--kube-subnet-mgr', '-iface=eth1', '--iface', 'eth0', '-v=2']);
  assert.deepEqual([values.bool('ip-masq'), values.strings('iface'), values.int('v')], [true, ['eth1', 'eth0'], 2]);
});

test('the environment says what the command line leaves out', () => {
  const flags = read(['--public-ip=192.0.2.1'], {
    FLANNELD_IP_MASQ: 'true',
    FLANNELD_PUBLIC_IP: '192.0.2.2',
    FLANNELD_IFACE_REGEX: '^ens',
    OTHER: 'x',
  });
  const { values } = flags;
  assert.deepEqual(
    [values.bool('ip-masq'), values.string('public-ip'), values.strings('iface-regex')],
    [true, '192.0.2.1', ['^ens']],
  );
  assert.ok(flags.isSet('ip-masq') && !flags.isSet('iface'));
  assert.throws(() => read([], { FLANNELD_HEALTHZ_PORT: 'x' }), { flag: '--healthz-port' });
});

test('leases in etcd are refused by the flag that asks for them', () => {
  assert.throws(() => refuseUnsupported(read(['--kube-subnet-mgr=false'])), { flag: '--kube-subnet-mgr' });
  assert.throws(() => refuseUnsupported(read([], { FLANNELD_ETCD_ENDPOINTS: 'http://127.0.0.1:2379' })), {
    flag: '--etcd-endpoints',
  });
  assert.throws(() => refuseUnsupported(read(['--ip-blackhole-route'])), { flag: '--ip-blackhole-route' });
  assert.throws(() => refuseUnsupported(read(['more'])), /unexpected argument "more"/);
  refuseUnsupported(read([]));
});

test('what is no expression is refused', () => {
  assert.throws(() => readPatterns(['(']), { flag: '--iface-regex' });
});

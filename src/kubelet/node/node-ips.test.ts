import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNodeIps } from './node-ips.ts';

test('--node-ip is one address, one of each family, or the machine’s own of a family', () => {
  const own = ['10.0.0.5', 'fd00::5'];
  assert.equal(parseNodeIps('', own), undefined);
  assert.deepEqual(parseNodeIps('10.1.1.1', own), ['10.1.1.1']);
  assert.deepEqual(parseNodeIps('10.1.1.1, fd00::1', own), ['10.1.1.1', 'fd00::1']);
  assert.deepEqual(parseNodeIps('::', own), ['fd00::5']);
  assert.deepEqual(parseNodeIps('0.0.0.0', own), ['10.0.0.5']);
  for (const [text, why] of [
    ['here', /bad --node-ip "here"/],
    ['10.1.1.1,10.1.1.2', /must contain either a single IP or a dual-stack pair of IPs/],
    ['10.1.1.1,fd00::1,10.1.1.2', /must contain either a single IP/],
    ['0.0.0.0,fd00::1', /cannot include '0\.0\.0\.0' or '::'/],
  ] as const)
    assert.throws(() => parseNodeIps(text, own), why);
  assert.throws(() => parseNodeIps('::', ['10.0.0.5']), /no address of that family/);
});

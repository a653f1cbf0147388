import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { machineOfNode, orderAddresses } from './machine.ts';
import { machine } from './node-facts.test-support.ts';

test('nodes of one machine have ids of their own, the same each time', () => {
  assert.notEqual(machineOfNode(machine, 'a').systemUuid, machineOfNode(machine, 'b').systemUuid);
  assert.deepEqual(machineOfNode(machine, 'a'), machineOfNode(machine, 'a'));
});

test('the node is at the address that the default route leaves by, not at a bridge’s', () => {
  const entry = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
    ({ address, family, internal }) as NetworkInterfaceInfo;
  const interfaces = {
    lo: [entry('127.0.0.1', 'IPv4', true)],
    cni0: [entry('10.244.0.1', 'IPv4')],
    eth0: [entry('fd00::5', 'IPv6'), entry('fe80::1', 'IPv6'), entry('10.0.0.5', 'IPv4')],
  };
  const routes = 'Iface\tDestination\tGateway\ncni0\t0000F40A\t00000000\neth0\t00000000\t0100000A';
  assert.deepEqual(orderAddresses(interfaces, routes), ['10.0.0.5', '10.244.0.1', 'fd00::5']);
  assert.deepEqual(orderAddresses(interfaces, '')[0], '10.244.0.1');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Endpoints } from '../../api/gen/types.ts';
import { mirrorGroups } from './plan.ts';

test('a subset may have as many ports as an object has room for, and as many addresses as are mirrored', () => {
  const ports = Array.from({ length: 40_000 }, (_, i) => ({ name: `p${i}`, port: 1 + (i % 60_000) }));
  const addresses = Array.from({ length: 1_100 }, (_, i) => ({ ip: `10.0.${i >> 8}.${i & 255}` }));
  const found = mirrorGroups({ subsets: [{ addresses, ports }] } as V1Endpoints, 1000);
  assert.deepEqual([found.groups.length, found.invalid, found.skipped], [1, 0, 100]);
  assert.deepEqual([found.groups[0]?.ports.length, found.groups[0]?.endpoints.length], [40_000, 1000]);
});

test('addresses of both families are apart, and what is no address is told', () => {
  const addresses = [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }, { ip: 'no' }];
  const found = mirrorGroups({ subsets: [{ addresses, ports: [{ port: 80 }] }] } as V1Endpoints, 1000);
  assert.deepEqual(
    found.groups.map(({ addressType, ports }) => [addressType, ports]),
    [
      ['IPv4', [{ name: '', port: 80, protocol: 'TCP' }]],
      ['IPv6', [{ name: '', port: 80, protocol: 'TCP' }]],
    ],
  );
  assert.deepEqual([found.invalid, found.skipped], [1, 1]);
});

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { canListen, findNodeEndpoint, firstNodeAddress, nextNodeAddress } from './node-addresses.ts';

test('any cluster can give a thousand nodes an address of their own', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.double({ min: 0, max: 0.999999, noNaN: true }), (a, b) => {
      const values = [a, b];
      const seen = new Set<string>();
      for (let address = firstNodeAddress(() => values.shift() ?? 0); seen.size < 1000; address = nextNodeAddress(address)) {
        assert.match(address, /^127(\.\d{1,3}){3}$/);
        assert.ok(address.split('.').every((part) => Number(part) <= 255));
        assert.ok(!seen.has(address));
        seen.add(address);
      }
    }),
    { numRuns: 50 },
  );
});

test('an address in use is passed over', async () => {
  const taken = new Set(['127.20.0.1', '127.20.0.2']);
  const endpoint = await findNodeEndpoint('127.20.0.1', async (address) => !taken.has(address));
  assert.deepEqual(endpoint, { address: '127.20.0.3', port: 10250 });
});

test('where loopback has one address only, nodes take free ports of it', async () => {
  const { address, port } = await findNodeEndpoint('127.20.0.1', async () => false);
  assert.equal(address, '127.0.0.1');
  assert.ok(port > 0 && port !== 10250);
});

test('a port that somebody listens on cannot be listened on', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  assert.equal(await canListen('127.0.0.1', port), false);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await canListen('127.0.0.1', port), true);
});

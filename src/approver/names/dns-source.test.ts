/** The DNS source with a real server on loopback. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { startTestServer } from '../../dns/server/test-server.ts';
import { createDnsSource } from './dns-source.ts';
import type { AskedName } from './name-source.ts';
import { proveNames } from './prove-names.ts';

const signal = new AbortController().signal;
const ip = (value: string): AskedName => ({ kind: 'address', value });
const dns = (value: string): AskedName => ({ kind: 'dns', value });
const ZONE = `example.test {
 template ANY ANY {
  match ^(node-9|no-node-has-this-name)[.]
  rcode NXDOMAIN
  fallthrough
 }
 hosts {
  10.0.0.1 node-1.example.test
  2001:db8::1 node-1.example.test
  10.0.0.2 node-2.example.test
 }
}`;
const sourceOf = (port: number, domain: string, timeoutMs = 2000) =>
  createDnsSource({ domains: [domain], servers: [`127.0.0.1:${port}`], timeoutMs });

test('what the node’s own name stands for is its own, in both families, and what another’s stands for is not', async () => {
  await using server = await startTestServer(ZONE);
  const source = sourceOf(server.port, 'example.test');
  const names = [ip('10.0.0.1'), ip('2001:db8::1'), ip('10.0.0.2'), dns('node-1.example.test'), dns('node-2.example.test')];
  assert.deepEqual(await source.ask('node-1', names, signal), ['own', 'own', 'unknown', 'own', 'unknown']);
  // A name that the zone does not have: nobody's, and no trouble.
  assert.deepEqual(
    await source.ask('node-9', names, signal),
    names.map(() => 'unknown'),
  );
});

test('a server that refuses or does not answer makes names wait', async () => {
  await using server = await startTestServer(ZONE);
  const judge = async (port: number, domain: string, timeoutMs?: number) => {
    const context = {
      nodeName: 'node-1',
      allowedPrefixes: [],
      claimants: () => [],
      claims: () => true,
      deny: () => undefined,
      signal,
    };
    const [fact] = await proveNames([ip('10.0.0.1')], { ...context, sources: [sourceOf(port, domain, timeoutMs)] });
    return fact!.ownership;
  };
  assert.equal(await judge(server.port, 'example.test'), 'proven');
  assert.equal(await judge(server.port, 'not-served.test'), 'unavailable');
  // One that hears and says nothing: the port of a server that has gone may be another's by now.
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  assert.equal(await judge(silent.address().port, 'example.test', 50), 'unavailable');
  silent.close();
});

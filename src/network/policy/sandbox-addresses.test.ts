import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSandboxAddresses, parseSandboxResult, withSandboxAddresses } from './sandbox-addresses.ts';

const result = (uid: string, ...addresses: string[]) =>
  JSON.stringify({
    kind: 'cniCacheV1',
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAME', 'web'],
      ['K8S_POD_UID', uid],
    ],
    result: { cniVersion: '1.0.0', ips: addresses.map((address) => ({ address })) },
  });

test('a sandbox’s addresses are known as soon as its file is there, and no longer when it has gone', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'results-'));
  t.after(() => rm(directory, { recursive: true }));
  const sandboxes = createSandboxAddresses(directory);
  assert.equal(await sandboxes.look(), false);
  const file = join(directory, 'net-abc-eth0');
  await writeFile(file, result('u1', '10.0.0.2/24').slice(0, 40));
  assert.equal(await sandboxes.look(), false, 'it is being written');
  await writeFile(file, result('u1', '10.0.0.2/24', 'fd00::2/64'));
  await writeFile(join(directory, 'other'), '{"cniArgs":[null],"result":{"ips":[null]}}');
  assert.equal(await sandboxes.look(), true);
  assert.equal(await sandboxes.look(), false);
  assert.deepEqual(sandboxes.of('u1'), ['10.0.0.2', 'fd00::2']);
  assert.deepEqual(sandboxes.of('toString'), []);
  await rm(file);
  await sandboxes.look();
  assert.deepEqual(sandboxes.of('u1'), []);
});

test('a directory that is not there is none', async () => {
  assert.equal(await createSandboxAddresses('/nowhere/at/all').look(), false);
});

test('pods without an address get their sandbox’s, others keep the API’s', () => {
  const of = () => ['10.0.0.9'];
  const podIps = (pod: object) => withSandboxAddresses([{ metadata: { uid: 'u' }, ...pod }], { of })[0]!.status?.podIPs;
  assert.deepEqual(podIps({}), [{ ip: '10.0.0.9' }]);
  assert.deepEqual(podIps({ status: { podIPs: [{ ip: '10.0.0.1' }] } }), [{ ip: '10.0.0.1' }]);
  assert.equal(podIps({ spec: { hostNetwork: true, containers: [] } }), undefined);
});

test('whatever is in a file, it is a result or none', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      parseSandboxResult(text);
    }),
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (cniArgs, ips) => {
      const parsed = parseSandboxResult(JSON.stringify({ cniArgs, result: { ips } }));
      assert.ok(parsed === undefined || parsed.addresses.every((address) => typeof address === 'string'));
    }),
  );
});

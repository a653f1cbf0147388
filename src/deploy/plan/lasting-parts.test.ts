import assert from 'node:assert/strict';
import { test } from 'node:test';
import { desiredSteps } from '../desired/desired.ts';
import { cniFile } from '../desired/pod-network.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import type { FileFact } from '../facts/facts.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { changedParts } from './lasting-parts.ts';
import { planCluster } from './plan.ts';

/** What is said of fields for a cluster that was made with others. */
async function remarks(
  fields: Readonly<Record<string, unknown>>,
  { hasServed = true, made = {}, rewritten = (text: string) => text } = {},
): Promise<string[]> {
  const [before, inventory] = [await testInventory(made), await testInventory(fields)];
  const known = { sysctls: new Set(sysctlsOf(before).keys()), device: 'eth0' };
  const facts = new Map(
    before.hosts.map((host) => {
      const steps = desiredSteps(before, host, testMaterial, known);
      const fact = factsThatFit(steps);
      const files = new Map<string, FileFact>(fact.files);
      // As hosts tell what their files hold.
      for (const step of steps)
        if (step.type === 'file' && !step.secret)
          files.set(step.path, {
            ...(files.get(step.path) as FileFact & { type: 'file' }),
            content: rewritten(Buffer.from(step.content.bytes).toString()),
          });
      // It is written when nodes have their ranges.
      if (['bridge', before.name].includes(before.network.plugin))
        files.set(cniFile(before), { type: 'file', mode: 0o644, owner: 'root', group: 'root', sizeBytes: 1, sha256: '' });
      return [host.name, { ...fact, files, ...(!hasServed && { units: new Map() }) }];
    }),
  );
  const desired = new Map(inventory.hosts.map((host) => [host.name, desiredSteps(inventory, host, testMaterial, known)]));
  const plans = planCluster({ inventory, desired, signer: '' }, facts);
  return changedParts(inventory, plans, facts).map(({ host, message }) => `${host}: ${message}`);
}

test('another range under Services or pods that there are is refused, and a larger one or any before there is a cluster is not', async () => {
  const services = await remarks({ network: { serviceCIDR: '172.16.0.0/12' } });
  assert.equal(services.length, 3);
  assert.equal(
    services[0],
    'a: network.serviceCIDR is 172.16.0.0/12, and Services of this cluster have addresses of 10.0.0.0/12 for as long as they live: put that back, or make another cluster',
  );
  const pods = await remarks({ network: { podCIDR: '10.128.0.0/10' } });
  assert.match(
    pods[0]!,
    /^a: network\.podCIDR is 10\.128\.0\.0\/10, and nodes and pods of this cluster have addresses of 10\.64\.0\.0\/10 /,
  );
  assert.equal((await remarks({ network: { serviceCIDR: '10.0.0.0/16' } })).length, 3, 'a smaller one');
  assert.deepEqual(await remarks({ network: { serviceCIDR: '172.16.0.0/12' } }, { hasServed: false }), []);
  assert.deepEqual(await remarks({ network: { serviceCIDR: '10.0.0.0/11' } }), []);
  assert.deepEqual(await remarks({ flags: { 'kube-apiserver': { v: '4' } } }), []);
  // As somebody has written the file anew, all flags on one line.
  const rewritten = (text: string) => text.replaceAll(/\\\n */g, ' ').replaceAll('"', "'");
  assert.deepEqual(await remarks({ flags: { 'kube-apiserver': { v: '4' } } }, { rewritten }), []);
  assert.deepEqual(await remarks({ network: { serviceCIDR: '172.16.0.0/12' } }, { rewritten }), services);
});

test('another plugin under pods that there are is refused, whichever it is; the same one and any before there is a cluster are not', async () => {
  const of = (plugin: string) => ({ network: { plugin } });
  const plugins = ['flannel', 'bridge', 'calico'];
  for (const before of plugins)
    for (const after of [...plugins, 'none']) {
      const told = await remarks(of(after), { made: of(before) });
      if (before === after || (before === 'bridge' && after === 'none')) assert.deepEqual(told, [], before);
      else {
        assert.equal(told.length, 3, `${before} to ${after}`);
        assert.ok(
          told[0]!.startsWith(`a: network.plugin is "${after}", and pods of this cluster have the network of "${before}"`),
          told[0],
        );
      }
    }
  assert.deepEqual(await remarks(of('calico'), { made: of('flannel'), hasServed: false }), []);
  // Its own file is called as that of a bridge would be.
  assert.deepEqual(await remarks({ name: 'flannel', ...of('flannel') }, { made: { name: 'flannel', ...of('flannel') } }), []);
});

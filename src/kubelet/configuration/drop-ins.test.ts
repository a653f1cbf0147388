import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { withDropIns } from './drop-ins.ts';
import { parseConfiguration } from './parse.ts';

const HEAD = 'kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n';

async function merged(t: TestContext, base: string, files: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), 'drop-ins-'));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return { directory, result: withDropIns(await parseConfiguration(HEAD + base), directory) };
}

test('drop-ins are laid over the file in the order of their names, directories among them', async (t) => {
  const { result } = await merged(t, 'maxPods: 1\nport: 1\nhealthzPort: 1\n', {
    '20-b.conf': `${HEAD}maxPods: 20\n`,
    '10-a.conf': `${HEAD}maxPods: 10\nport: 10\n`,
    '15-dir/x.conf': `${HEAD}port: 15\nmaxPods: 15\n`,
    'ignored.yaml': 'not even YAML: [',
  });
  assert.deepEqual((await result).given, { maxPods: 20, port: 15, healthzPort: 1 });
});

test('objects and maps are merged, lists replaced, and null takes back', async (t) => {
  const { result } = await merged(
    t,
    'authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 5m, cacheUnauthorizedTTL: 30s}}\nclusterDNS: [10.0.0.1, 10.0.0.2]\nevictionHard: {memory.available: 1Gi, nodefs.available: 1%}\nmaxPods: 5\nfeatureGates: {A: true}\n',
    {
      'a.conf': `${HEAD}authorization: {webhook: {cacheAuthorizedTTL: 8m}}\nclusterDNS: [10.0.0.3]\nevictionHard: {memory.available: 2Gi}\nmaxPods: null\nfeatureGates: {B: false}\n`,
    },
  );
  assert.deepEqual((await result).given, {
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '8m0s', cacheUnauthorizedTTL: '30s' } },
    clusterDNS: ['10.0.0.3'],
    evictionHard: { 'memory.available': '2Gi', 'nodefs.available': '1%' },
    featureGates: { A: true, B: false },
  });
});

test('a bad drop-in and a directory that is not there are refused by name', async (t) => {
  const { directory, result } = await merged(t, '', { 'a.conf': `${HEAD}maxPods: many\n` });
  await assert.rejects(result, (error: Error) => {
    assert.ok(error.message.includes(`failed to load kubelet dropin file, path: ${join(directory, 'a.conf')}`), error.message);
    assert.match(error.message, /field maxPods must be an integer, got "many"/);
    return true;
  });
  const { result: without } = await merged(t, '', { 'a.conf': 'maxPods: 5\n' });
  await assert.rejects(without, /Object 'Kind' is missing/);
  await assert.rejects(
    withDropIns({ given: {}, warnings: [] }, '/nowhere/at/all'),
    /failed to walk through kubelet dropin directory "\/nowhere\/at\/all": .*no such file or directory/,
  );
});

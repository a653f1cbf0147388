import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1CertificateSigningRequest, V1ConfigMap } from '../../src/api/gen/types.ts';
import { isRunning, type ProcessIdentity } from '../../src/cli/local/process-identity.ts';
import { PROGRAM, startProgram } from '../harness/component-process.ts';
import { kubectl } from '../harness/kubectl.ts';
import { clusterDirectory, musterHome } from '../harness/muster.ts';
import { until } from '../harness/until.ts';

test('a cluster killed at random moments of its start comes up whole the next time', async () => {
  await using home = await musterHome();
  const seed = Number(process.env['MUSTER_TEST_SEED'] ?? Date.now() % 1_000_000);
  const random = seeded(seed);
  const directory = clusterDirectory(home);
  const port = String(await home.portOf());
  let killed = 0;
  for (let round = 0; round < 12; round++) {
    const up = startProgram(process.execPath, [PROGRAM, 'up', '--nodes', '2', '--port', port], { env: home.env });
    // From before the first file is written to after the last node is Ready: about a second, in turns that do not all fall on one spot.
    const waitMs = random() * 900;
    const started = performance.now();
    const pid = await until(
      'the cluster has a process, or up has ended',
      () => (up.exitStatus === undefined ? (performance.now() - started > waitMs ? (pidOf(directory) ?? -1) : undefined) : -1),
      { intervalMs: 3 },
    );
    if (pid > 0) {
      process.kill(pid, 'SIGKILL');
      killed++;
    }
    const status = await up.exited;
    // Killed before it was ready, up says so; after that nobody is left to say anything.
    if (status !== 0)
      assert.match(
        up.output,
        /^muster up: the cluster's process ended \(SIGKILL\) before it was ready; .*cluster\.log ends: .*\n$/,
        `seed ${seed}`,
      );
    const left = pidOf(directory);
    if (left !== undefined) process.kill(left, 'SIGKILL');
  }
  assert.ok(killed > 0, `seed ${seed}: at least one start was cut short`);
  // Of starts that were all cut short before anything was written down nobody knows how many nodes were wanted.
  const up = await home.up('--nodes', '2');
  assert.equal(up.nodes.length, 2, `seed ${seed}`);
  const client = kubectl('1.35', home.kubeconfig, home.path);
  assert.match(await client.run('get nodes --no-headers'), /^node-1 +Ready .*\nnode-2 +Ready /, `seed ${seed}`);
  // However often it was tried, no request was refused.
  const { items } = await client.json<{ items: V1CertificateSigningRequest[] }>('get csr');
  for (const csr of items)
    assert.ok(
      csr.status?.certificate !== undefined || csr.status?.conditions === undefined,
      `${csr.metadata?.name} was not issued`,
    );
  assert.match(await home.run(['ls']), /^muster +Running /m);
});

test('what was acknowledged before a kill is there after it', async () => {
  await using home = await musterHome();
  const { pid } = await home.up('--nodes', '0');
  const client = kubectl('1.35', home.kubeconfig, home.path);
  const acknowledged: string[] = [];
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let i = 0; ; i++) {
      const name = `w${writer}-${i}`;
      const result = await client.try(`create configmap ${name} --from-literal=i=${i}`);
      if (result.status !== 0) return result.stderr;
      acknowledged.push(name);
    }
  });
  await until('a few are written', () => acknowledged.length >= 12);
  process.kill(pid, 'SIGKILL');
  for (const message of await Promise.all(writers))
    assert.match(message, /connection refused|EOF|connection reset|broken pipe|connection lost/);
  await home.up();
  const { items } = await client.json<{ items: V1ConfigMap[] }>('get configmaps');
  const there = new Set(items.map(({ metadata }) => metadata?.name));
  assert.deepEqual(
    acknowledged.filter((name) => !there.has(name)),
    [],
  );
});

test('ten applies at once all succeed, and one of them is what is there', async () => {
  await using home = await musterHome();
  await home.up('--nodes', '0');
  const client = kubectl('1.35', home.kubeconfig, home.path);
  const manifest = (i: number) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wanted' }, data: { [`key-${i}`]: 'x' } });
  const results = await Promise.all(Array.from({ length: 10 }, (_, i) => client.try('apply -f -', { input: manifest(i) })));
  // Those that found nothing there and came second to create it are told so, as by upstream.
  const failures = results.filter(({ status }) => status !== 0);
  for (const { stderr } of failures) assert.match(stderr, /configmaps "wanted" already exists|the object has been modified/);
  assert.ok(failures.length < 10);
  const again = await Promise.all(Array.from({ length: 10 }, (_, i) => client.try('apply -f -', { input: manifest(i) })));
  for (const { status, stderr } of again) if (status !== 0) assert.match(stderr, /the object has been modified/);
  const { data, metadata } = await client.json<V1ConfigMap>('get configmap wanted');
  const last = JSON.parse(metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '{}') as V1ConfigMap;
  for (const key of Object.keys(last.data ?? {})) assert.equal(data?.[key], 'x');
});

/** The process that runs the cluster, and no other that happens to have the number of one that did. */
function pidOf(directory: string): number | undefined {
  try {
    const state = JSON.parse(readFileSync(join(directory, 'process.json'), 'utf8')) as ProcessIdentity;
    return isRunning(state) ? state.pid : undefined;
  } catch {
    return undefined; // not written yet, or gone already
  }
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

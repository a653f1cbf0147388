import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../std/clock.ts';
import { desiredSteps } from '../desired/desired.ts';
import { sysctlsOf } from '../desired/preparation.ts';
import type { FileFact } from '../facts/facts.ts';
import { planCluster } from '../plan/plan.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { createTranscriptTransport } from '../transport/transcript.ts';
import { applyPlans } from './apply.ts';
import type { Cluster } from './cluster.ts';

const kubeconfig = { type: 'file', mode: 0o600, owner: 'root', group: 'root', sizeBytes: 1, sha256: 'a'.repeat(64) } as const;
const SERVING = '/etc/kubernetes/ssl/kubelet-server-current.pem';

/**
 * A cluster whose hosts are all that the inventory says, after an `apply` that was ended.
 *
 * @param asksAfter how often the API is looked at before the kubelet has asked for its serving certificate
 */
async function ended({
  asksAfter = 1,
  served = false,
  kubelet = {},
}: {
  asksAfter?: number;
  served?: boolean;
  kubelet?: object;
}) {
  const inventory = await testInventory({
    kubelet,
    hosts: [
      { name: 'm', address: '192.168.20.31', roles: ['master'] },
      { name: 'w', address: '192.168.20.41' },
    ],
  });
  const known = { sysctls: new Set(sysctlsOf(inventory).keys()), device: 'eth0' };
  const desired = new Map(inventory.hosts.map((host) => [host.name, desiredSteps(inventory, host, testMaterial, known)]));
  const facts = new Map(
    inventory.hosts.map(({ name }) => {
      const fact = factsThatFit(desired.get(name)!);
      const files = new Map<string, FileFact>([...fact.files, ['/etc/kubernetes/kubelet.kubeconfig', kubeconfig]]);
      return [name, { ...fact, files, certificates: new Map(served ? [[SERVING, 'a certificate']] : []) }];
    }),
  );
  const story: string[] = [];
  let looks = 0;
  let nowMs = 0;
  const cluster: Partial<Cluster> = {
    waitReady: async () => undefined,
    prepare: async () => {
      story.push('prepared');
      return ['ClusterRoleBinding x'];
    },
    approveServing: async () => new Set(++looks > asksAfter ? ['w'] : []),
    nodes: async () => new Map([['w', { ready: true, message: '', podCidrs: [], heartbeat: '' }]]),
    close: async () => void story.push('closed'),
  };
  const transports = new Map(
    inventory.hosts.map(({ name }) => [
      name,
      createTranscriptTransport(name, () => {
        story.push(`${name} was touched`);
        return 'end\n';
      }),
    ]),
  );
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  await applyPlans({
    ...{ inventory, facts, transports, material: testMaterial },
    plans: planCluster({ inventory, desired, signer: '' }, facts),
    openCluster: async () => cluster as Cluster,
    progress: (line) => void story.push(line),
    clock: { now: () => nowMs, sleep } as Clock,
    signal: new AbortController().signal,
  });
  return { story: story.filter((line) => line !== 'w was touched'), nowMs };
}

test('hosts that lack nothing after an apply that was ended: the cluster gets its objects, and a kubelet that waits its certificate', async () => {
  const { story } = await ended({});
  assert.deepEqual(story, ['prepared', 'cluster: created ClusterRoleBinding x', 'w: Ready', 'closed']);
});

test('a kubelet that is Ready before it asks for its certificate is waited for', async () => {
  const { story, nowMs } = await ended({ asksAfter: 50 });
  assert.equal(story.at(-2), 'w: Ready');
  assert.ok(nowMs >= 50 * 500);
});

test('a kubelet that never asks is told, and ends nothing', async () => {
  const { story, nowMs } = await ended({ asksAfter: Number.POSITIVE_INFINITY });
  assert.ok(story.some((line) => line.startsWith('w: its kubelet has asked for no serving certificate')));
  assert.equal(story.at(-2), 'w: Ready');
  assert.ok(nowMs < 120_000);
});

test('where all have their certificates, or are to ask for none, nobody is waited for', async () => {
  for (const given of [{ served: true }, { kubelet: { servingCertificate: 'manual' } }])
    assert.deepEqual((await ended(given)).story, ['prepared', 'cluster: created ClusterRoleBinding x', 'closed']);
});

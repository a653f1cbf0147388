import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
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
const AILING = 'report\tkube-apiserver.service\tactivating\tnotify\t4\t0\tkube-apiserver: etcd does not answer\n';

interface Scene {
  /** How often the host is looked at before its kubelet has its serving certificate. */
  readonly servedAfter?: number;
  /** It has it before anything begins. */
  readonly served?: boolean;
  readonly kubelet?: object;
  readonly flags?: object;
  /** Why the API server is not ready; by default it is. */
  readonly unready?: string;
  /** A service that is to start. */
  readonly stopped?: string;
}

/** A cluster whose hosts are all that the inventory says, after an `apply` that was ended. */
async function ended({ servedAfter = 1, served = false, kubelet = {}, flags = {}, unready, stopped }: Scene) {
  const inventory = await testInventory({
    ...{ kubelet, flags },
    hosts: [
      { name: 'm', address: '192.168.20.31', roles: ['etcd', 'master'] },
      { name: 'w', address: '192.168.20.41' },
    ],
  });
  const known = { sysctls: new Set(sysctlsOf(inventory).keys()), device: 'eth0' };
  const desired = new Map(inventory.hosts.map((host) => [host.name, desiredSteps(inventory, host, testMaterial, known)]));
  const facts = new Map(
    inventory.hosts.map(({ name }) => {
      const fact = factsThatFit(desired.get(name)!);
      const files = new Map<string, FileFact>([...fact.files, ['/etc/kubernetes/kubelet.kubeconfig', kubeconfig]]);
      const units = new Map([...fact.units].filter(([unit]) => unit !== stopped));
      return [name, { ...fact, files, units, certificates: new Map(served ? [[SERVING, 'a certificate']] : []) }];
    }),
  );
  const story: string[] = [];
  let looks = 0;
  let nowMs = 0;
  const cluster: Partial<Cluster> = {
    async waitReady(_, patience) {
      if (unready === undefined) return;
      patience?.waiting?.(unready);
      nowMs += patience?.patienceMs ?? 0;
      throw new CodedError(`the API server is not ready: ${unready}`, { code: 'API_SERVER_NOT_READY' });
    },
    prepare: async () => {
      story.push('prepared');
      return ['ClusterRoleBinding x'];
    },
    approveServing: async () => undefined,
    nodes: async () => new Map([['w', { ready: true, message: '', podCidrs: [], heartbeat: '' }]]),
    close: async () => void story.push('closed'),
  };
  const transports = new Map(
    inventory.hosts.map(({ name }) => [
      name,
      createTranscriptTransport(name, ({ script }) => {
        if (script.includes(`[ ! -e '${SERVING}' ]`)) return ++looks > servedAfter ? 'served\n' : '';
        if (script.includes('NRestarts')) return name === 'm' ? AILING : '';
        story.push(`${name} was touched`);
        return 'end\n';
      }),
    ]),
  );
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const failure = await applyPlans({
    ...{ inventory, facts, transports, material: testMaterial },
    plans: planCluster({ inventory, desired, signer: '' }, facts),
    openCluster: async () => cluster as Cluster,
    progress: (line) => void story.push(line),
    clock: { now: () => nowMs, sleep } as Clock,
    signal: new AbortController().signal,
  }).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { story: story.filter((line) => !line.endsWith('was touched')), nowMs, failure };
}

test('hosts that lack nothing after an apply that was ended: the cluster gets its objects, and a kubelet that waits its certificate', async () => {
  const { story } = await ended({});
  assert.deepEqual(story, ['prepared', 'cluster: created ClusterRoleBinding x', 'w: Ready', 'closed']);
});

test('a kubelet that is Ready before it has its certificate is waited for, whatever was approved before', async () => {
  const { story, nowMs } = await ended({ servedAfter: 50 });
  assert.equal(story.at(-2), 'w: Ready');
  assert.ok(nowMs >= 50 * 500);
});

test('a kubelet that never asks is told, and ends nothing', async () => {
  const { story, nowMs } = await ended({ servedAfter: Number.POSITIVE_INFINITY });
  assert.ok(story.some((line) => line.startsWith('w: its kubelet has no serving certificate')));
  assert.equal(story.at(-2), 'w: Ready');
  assert.ok(nowMs < 120_000);
});

test('where all have their certificates, or are to ask for none, nobody is waited for', async () => {
  const own = { 'tls-cert-file': '/etc/own.pem', 'tls-private-key-file': '/etc/own.key' };
  for (const given of [
    { served: true },
    { kubelet: { servingCertificate: 'manual' } },
    { flags: { kubelet: own } },
    { flags: { kubelet: { 'rotate-server-certificates': 'false' } } },
    { kubelet: { configuration: { tlsCertFile: '/etc/own.pem', tlsPrivateKeyFile: '/etc/own.key' } } },
    { kubelet: { configuration: { serverTLSBootstrap: false } } },
  ])
    assert.deepEqual((await ended(given)).story, ['prepared', 'cluster: created ClusterRoleBinding x', 'closed']);
});

test('an API that does not answer is told at once, and for how long it is waited for depends on what was started', async () => {
  const running = await ended({ unready: 'etcd failed' });
  assert.deepEqual(running.story, ['waiting for the API server: etcd failed', 'closed']);
  assert.equal(running.nowMs, 30_000);
  assert.equal(
    running.failure,
    'the API server is not ready: etcd failed; m: kube-apiserver.service is activating, started again 4 times: kube-apiserver: etcd does not answer; the same command goes on from here',
  );
  for (const stopped of ['etcd.service', 'kube-apiserver.service'])
    assert.equal((await ended({ unready: 'etcd failed', stopped })).nowMs, 180_000);
  assert.equal((await ended({ unready: 'etcd failed', stopped: 'kube-scheduler.service' })).nowMs, 30_000);
});

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
import type { Cluster, NodeState } from './cluster.ts';

const hosts = [
  { name: 'm', address: '192.168.20.31', roles: ['master'] },
  { name: 'v', address: '192.168.20.41' },
  { name: 'w', address: '192.168.20.42' },
  { name: 'x', address: '192.168.20.43' },
];
const before = await testInventory({ hosts });
const after = await testInventory({ hosts, flags: { kubelet: { v: '4' } } });
const known = { sysctls: new Set(sysctlsOf(before).keys()), device: 'eth0' };
const kubeconfig = { type: 'file', mode: 0o600, owner: 'root', group: 'root', sizeBytes: 1, sha256: 'a'.repeat(64) } as const;

/** Workers whose kubelets get another flag. @param serves whether a kubelet tells its state after its restart */
function scene(serves: (host: string) => boolean) {
  const facts = new Map(
    before.hosts.map((host) => {
      const fact = factsThatFit(desiredSteps(before, host, testMaterial, known));
      return [
        host.name,
        { ...fact, files: new Map<string, FileFact>([...fact.files, ['/etc/kubernetes/kubelet.kubeconfig', kubeconfig]]) },
      ];
    }),
  );
  const desired = new Map(after.hosts.map((host) => [host.name, desiredSteps(after, host, testMaterial, known)]));
  const story: string[] = [];
  const heartbeats = new Map(['v', 'w', 'x'].map((name) => [name, 0]));
  const transports = new Map(
    after.hosts.map(({ name }) => [
      name,
      createTranscriptTransport(name, ({ input }) => {
        if (/restart '?kubelet\.service/.test(input.toString())) {
          story.push(name);
          if (serves(name)) heartbeats.set(name, 1);
        }
        return 'end\n';
      }),
    ]),
  );
  const nodes = async () =>
    new Map(
      [...heartbeats].map(([name, heartbeat]): [string, NodeState] => [
        name,
        { ready: true, message: '', podCidrs: [], heartbeat: `${heartbeat}` },
      ]),
    );
  const cluster: Partial<Cluster> = {
    waitReady: async () => undefined,
    prepare: async () => [],
    approveServing: async () => undefined,
    nodes,
    close: async () => undefined,
  };
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const run = () =>
    applyPlans({
      ...{ inventory: after, facts, transports, material: testMaterial },
      plans: planCluster({ inventory: after, desired, signer: '' }, facts),
      openCluster: async () => cluster as Cluster,
      progress: (line) => void (/serves/.test(line) && story.push(line)),
      clock: { now: () => nowMs, sleep } as Clock,
      signal: new AbortController().signal,
    });
  return { run, story };
}

test('of several kubelets that are restarted one goes first, and the others when it has told its state', async () => {
  const { run, story } = scene(() => true);
  await run();
  assert.deepEqual(story.slice(0, 2), ['v', 'v: its kubelet serves, the others follow']);
  assert.deepEqual(story.slice(2).sort(), ['w', 'x']);
});

test('what no kubelet can run with ends one of them, and the others stay as they are', async () => {
  const { run, story } = scene(() => false);
  await assert.rejects(run(), {
    code: 'APPLY_FAILED',
    message: /^v: its kubelet does not serve with what is new: it tells nothing; those of the other hosts still run as they did/,
  });
  assert.deepEqual(story, ['v']);
});

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

/**
 * Workers whose kubelets get another flag.
 *
 * @param serves whether a kubelet tells its state after its restart
 * @param isReady whether nodes are
 * @param report what a host says of its kubelet when asked
 */
function scene(serves: (host: string) => boolean, isReady = true, report: (host: string) => string = () => '') {
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
      createTranscriptTransport(name, ({ script, input }) => {
        if (script.includes("for unit in 'kubelet.service'")) return report(name);
        if (script.includes('kubelet-server-current.pem')) return 'served\n';
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
        { ready: isReady, message: 'not yet', podCidrs: [], heartbeat: `${heartbeat}` },
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
  return { run, story, passedMs: () => nowMs };
}

const report = (restarts: number) => () =>
  `report\tkubelet.service\tactivating\tsimple\t${restarts}\t0\tkubelet: unknown flag: --x\n`;

test('kubelets that end again and again are waited for until that is sure, as long as no other one may still come', async () => {
  const hopeless = scene(() => true, false, report(9));
  await assert.rejects(hopeless.run(), {
    code: 'APPLY_FAILED',
    message:
      /^no kubelet that is waited for stays up; v: kubelet\.service is activating, started again 9 times: kubelet: unknown flag: --x; w: [^;]+; x: [^;]+; the same command/,
  });
  assert.ok(hopeless.passedMs() < 60_000);
  for (const patient of [
    scene(() => true, false, report(2)),
    scene(
      () => true,
      false,
      (host) => (host === 'w' ? '' : report(9)()),
    ),
  ])
    await assert.rejects(patient.run(), {
      code: 'NODES_NOT_READY',
      message: /^not all nodes are Ready: v: not yet.*v: kubelet\.service is/,
    });
});

test('of several kubelets that are restarted one goes first, and the others when it has told its state', async () => {
  const { run, story } = scene(() => true);
  await run();
  assert.deepEqual(story.slice(0, 2), ['v', 'v: its kubelet serves, the others follow']);
  assert.deepEqual(story.slice(2).sort(), ['w', 'x']);
});

test('what no kubelet can run with ends one of them, and the others stay as they are', async () => {
  const { run, story } = scene(() => false, true, report(3));
  await assert.rejects(run(), {
    code: 'APPLY_FAILED',
    message:
      /^v: its kubelet does not serve with what is new: it tells nothing; v: kubelet\.service is activating, started again 3 times: kubelet: unknown flag: --x; those of the other hosts still run as they did/,
  });
  assert.deepEqual(story, ['v']);
});

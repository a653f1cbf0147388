/** kube-scheduler as a process of its own, with the flags of the runbook (SCH-01 to 07), beside a cluster's own scheduler. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { leaseKind } from '../../src/api/coordination/v1/lease.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Lease, V1Pod } from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { type ComponentProcess, startComponent } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { runCommand } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const RUNBOOK_FLAGS = ['--address=127.0.0.1', '--leader-elect=true', '--logtostderr=true', '--v=4'];
const NAME = 'second-scheduler';

let cluster: Cluster;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let kubeconfig: string;
let port: number;
const schedulers: ComponentProcess[] = [];

before(async () => {
  [cluster, directory, port] = await Promise.all([startCluster({ nodes: 1 }), temporaryDirectory(), freePort()]);
  kubeconfig = directory.file('scheduler.kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
});
after(async () => {
  await Promise.all(schedulers.map((scheduler) => scheduler.stop()));
  await cluster.close();
  await directory[Symbol.asyncDispose]();
});

function startScheduler(securePort: number): ComponentProcess {
  const access = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((flag) => `--${flag}=${kubeconfig}`);
  const own = [`--scheduler-name=${NAME}`, `--leader-elect-resource-name=${NAME}`, `--secure-port=${securePort}`];
  const scheduler = startComponent('kube-scheduler', [...RUNBOOK_FLAGS, ...access, ...own, '--bind-address=127.0.0.1']);
  schedulers.push(scheduler);
  return scheduler;
}

const lease = () => cluster.client().resource<V1Lease>(leaseKind, 'kube-system').get(NAME);

async function bindsPod(name: string): Promise<void> {
  const pods = cluster.client().resource<V1Pod>(podKind, 'default');
  await pods.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { schedulerName: NAME, containers: [{ name: 'c', image: 'busybox' }] },
  });
  await until(`${name} is bound`, async () => (await pods.get(name)).spec?.nodeName === 'node-1');
}

test('SCH-01 to 07: it binds the pods that name it, while it holds its lease', async () => {
  const scheduler = startScheduler(port);
  await bindsPod('first');
  assert.match((await lease()).spec?.holderIdentity ?? '', /./);
  assert.match(scheduler.output, /--address is accepted but has no effect/);
});

test('its own port tells everybody whether it is healthy, and its metrics only to those who may see them', async () => {
  const curl = (path: string) => runCommand('curl', ['-sk', '-w', ' %{http_code}', `https://127.0.0.1:${port}${path}`]);
  assert.equal((await curl('/healthz')).stdout, 'ok 200');
  assert.match((await curl('/metrics')).stdout, /"reason":"Forbidden".* 403$/s);
});

test('a second one takes over at once when the first is told to end, and waits until then', async () => {
  const [first] = schedulers;
  const second = startScheduler(await freePort());
  const holder = (await lease()).spec?.holderIdentity;
  assert.equal(await first!.stop(), 0);
  await bindsPod('second');
  assert.notEqual((await lease()).spec?.holderIdentity, holder);
  assert.equal(second.exitStatus, undefined);
});

test('what it cannot do is refused by name', async () => {
  const refused = startComponent('kube-scheduler', ['--config=/etc/kubernetes/scheduler.yaml', `--kubeconfig=${kubeconfig}`]);
  assert.notEqual(await refused.exited, 0);
  assert.match(refused.output, /--config: a KubeSchedulerConfiguration is not supported yet/);
});

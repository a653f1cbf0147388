/** A host whose clock is ten minutes wrong: the API server and the controller manager on it, beside others whose clocks are right. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { type ComponentProcess, startComponent } from '../harness/component-process.ts';
import type { Master, Masters } from '../harness/masters.ts';
import { until } from '../harness/until.ts';
import type { WriteLoad } from '../harness/write-load.ts';

const TEN_MINUTES_MS = 600_000;
const WRONG_CLOCK = resolve(import.meta.dirname, '../harness/wrong-clock.ts');
const PATIENCE = { timeoutMs: 120_000 };
const NODES = '/api/v1/nodes';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager';

interface StoredNode {
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
}

/**
 * The clock is behind at first, is set while everything runs, to as much ahead and back again, and is right at last. Each time, writes go
 * on, who leads goes on leading and working, and a node that is well stays so.
 */
export async function wrongClockStory(cluster: Masters, load: WriteLoad): Promise<void> {
  const [wrong, right, observer] = cluster.masters as [Master, Master, Master];
  const clock = {
    NODE_OPTIONS: `--import=${WRONG_CLOCK}`,
    CLOCK_AHEAD_MS: `${-TEN_MINUTES_MS}`,
    CLOCK_STEP_MS: `${2 * TEN_MINUTES_MS}`,
  };
  await wrong.killServer();
  wrong.startServer(clock);
  await wrong.serverReady();
  await createNode(observer, 'well');
  await using leader = await startManager(cluster, wrong, clock);
  const holder = await until('one leads', () => holderAt(observer), PATIENCE);
  await using standby = await startManager(cluster, right);
  let looks = 0;
  const check = async () => {
    await load.goesOn();
    // Two nodes that come one after the other, each with a taint until it is looked at: who watches over nodes has looked at all meanwhile.
    for (const _ of [1, 2]) {
      const name = `new-${looks++}`;
      await createNode(observer, name);
      await until(`${name} is taken for well`, async () => (await taintsOf(observer, name)).length === 0, PATIENCE);
    }
    const before = await leaseReads(right);
    await until('the one that stands by has looked twice', async () => (await leaseReads(right)) >= before + 2, PATIENCE);
    assert.equal(await holderAt(observer), holder, 'who leads goes on leading');
    assert.deepEqual([leader.exitStatus, standby.exitStatus], [undefined, undefined], leader.output);
    assert.deepEqual(await taintsOf(observer, 'well'), [], 'a node that is well is not taken for dead');
    // A server that a fault before this one kept from saying that it is there says so again within ten seconds.
    await until('all have their place', async () => (await addressesAt(observer)).length === cluster.masters.length, PATIENCE);
  };
  assert.ok((await dateAt(wrong, 'behind')) < Date.now() - TEN_MINUTES_MS / 2);
  await check();
  for (const [name, isAhead] of [
    ['ahead', true],
    ['behind-again', false],
  ] as const) {
    for (const process of [wrong.process, leader]) process.signal('SIGUSR2');
    let tries = 0;
    await until(
      `the clock is ${name}`,
      async () => (await dateAt(wrong, `${name}-${tries++}`)) > Date.now() === isAhead,
      PATIENCE,
    );
    await check();
  }
  await wrong.killServer();
  wrong.startServer();
  await wrong.serverReady();
}

function startManager(cluster: Masters, master: Master, env: Readonly<Record<string, string>> = {}): Promise<ComponentProcess> {
  return cluster.kubeconfig(master).then((kubeconfig) =>
    startComponent(
      'kube-controller-manager',
      [
        `--kubeconfig=${kubeconfig}`,
        '--secure-port=0',
        '--node-monitor-period=500ms',
        // Longer than this lasts, shorter than the clock is wrong.
        '--node-monitor-grace-period=5m',
        '--leader-elect-lease-duration=5m',
        '--leader-elect-renew-deadline=4m',
        '--leader-elect-retry-period=500ms',
      ],
      { env },
    ),
  );
}

/** One that is Ready. */
async function createNode({ api }: Master, name: string): Promise<void> {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Told',
    message: '',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, status: { conditions: [condition] } };
  const { status, text } = await api.send('POST', NODES, node);
  assert.equal(status, 201, text);
}

async function nodeAt({ api }: Master, name: string): Promise<StoredNode> {
  const { status, text, body } = await api.send('GET', `${NODES}/${name}`);
  assert.equal(status, 200, text);
  return body as unknown as StoredNode;
}

const taintsOf = async (master: Master, name: string) => ((await nodeAt(master, name)).spec.taints ?? []).map(({ key }) => key);

async function holderAt({ api }: Master): Promise<string | undefined> {
  const { body } = await api.send('GET', LEASE);
  return (body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity;
}

async function addressesAt({ api }: Master): Promise<string[]> {
  const { body } = await api.send('GET', '/api/v1/namespaces/default/endpoints/kubernetes');
  const { subsets } = body as { subsets?: { addresses: { ip: string }[] }[] };
  return subsets?.flatMap((subset) => subset.addresses.map(({ ip }) => ip)) ?? [];
}

/** When an object was made, as its server sees it. */
async function dateAt({ api }: Master, name: string): Promise<number> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `clock-${name}` } };
  const { status, text, body } = await api.send('POST', CONFIG_MAPS, object);
  assert.equal(status, 201, text);
  return Date.parse((body.metadata as { creationTimestamp?: string }).creationTimestamp!);
}

/** How often the server has answered somebody who read a Lease. */
async function leaseReads({ api }: Master): Promise<number> {
  const { text } = await api.send('GET', '/metrics');
  const lines = text.match(/^apiserver_request_total\{.*resource="leases".*\} \S+$/gm) ?? [];
  return lines
    .filter((line) => line.includes('verb="GET"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Services across several real nodes, each with a kube-proxy of its own: nftables on some, iptables on another. One story. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Node, V1Pod, V1Service } from '../../src/api/gen/types.ts';
import { inNamespace } from '../harness/containerd-leftovers.ts';
import { flannelNetwork } from '../harness/flannel.ts';
import { BUSYBOX } from '../harness/images.ts';
import type { Kubectl } from '../harness/kubectl.ts';
import { startNodeServices } from '../harness/node-services.ts';
import { type RealNode, type RealNodes, startRealNodes } from '../harness/real-nodes.ts';
import { until } from '../harness/until.ts';
import { askWeb, askWebFrom, startLoad, type WebAnswer, webService } from '../harness/web-service.ts';

const PATIENCE = { timeoutMs: 120_000, intervalMs: 200 };
const flannel = flannelNetwork({ Type: 'vxlan' });
let cluster: RealNodes;
let kubectl: Kubectl;

before(async () => {
  cluster = await startRealNodes({
    nodes: 3,
    network: flannel.connect,
    // Nodes speak every 2.5 s.
    configuration: { nodeLeaseDurationSeconds: 10, nodeStatusUpdateFrequency: '2s' },
    cluster: { nodeMonitorGracePeriodMs: 12_000 },
  });
  kubectl = cluster.kubectl();
  await startNodeServices(cluster, ({ name }) => (name === 'node-2' ? 'iptables' : 'nftables'));
  await apply(...webService('web'), ...cluster.nodes.map(askerOn));
  await kubectl.run('wait --for=condition=Ready pod -l app=asker --timeout=120s');
  await kubectl.run('rollout status deployment/web --timeout=120s');
});
after(() => cluster?.[Symbol.asyncDispose]());

const apply = (...items: object[]) =>
  kubectl.run('apply -f -', { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
const askerOf = ({ name }: RealNode) => `asker-${name}`;
const askerOn = (node: RealNode) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: askerOf(node), namespace: 'default', labels: { app: 'asker' } },
  spec: {
    nodeName: node.name,
    terminationGracePeriodSeconds: 0,
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'c', image: BUSYBOX, command: ['sleep', '100000'] }],
  },
});
const serviceOf = async (name: string) => {
  const { spec } = await kubectl.json<V1Service>(`get service ${name}`);
  return { ip: spec!.clusterIP!, nodePort: spec!.ports![0]!.nodePort!, healthPort: spec!.healthCheckNodePort };
};
const podsOf = async (app: string) =>
  (await kubectl.json<{ items: V1Pod[] }>(`get pods -l app=${app}`)).items.filter(({ metadata }) => !metadata!.deletionTimestamp);
const nodePorts = async (name: string) => {
  const { nodePort } = await serviceOf(name);
  return cluster.nodes.map(({ address }) => `${address}:${nodePort}`);
};

/** Asks until answers have come from the pods of all nodes. */
async function expectAllNodes(what: string, ask: () => Promise<readonly (WebAnswer | undefined)[]>): Promise<WebAnswer[]> {
  const answers: WebAnswer[] = [];
  const seen = () => [...new Set(answers.map(({ node }) => node))].sort();
  let asked = 0;
  const all = async () => {
    asked++;
    answers.push(...(await ask()).filter((answer) => answer !== undefined));
    if (seen().length < cluster.nodes.length)
      throw new Error(`after ${asked} times, ${answers.length} answers are from ${seen()}`);
    return true;
  };
  await until(`${what} has led to pods of all nodes`, all, PATIENCE);
  return answers;
}

test('a Service leads to the pods of all nodes: by name, by cluster IP from every node’s pod, and from every node', async () => {
  const { ip } = await serviceOf('web');
  const [, second] = cluster.nodes;
  await expectAllNodes('the name', () => askWebFrom(kubectl, askerOf(second!), 'web', 10));
  for (const node of cluster.nodes) {
    const { status } = await kubectl.json<V1Pod>(`get pod ${askerOf(node)}`);
    const answers = await expectAllNodes(`the address, on ${node.name},`, () => askWebFrom(kubectl, askerOf(node), ip, 10));
    for (const { client } of answers) assert.equal(client, status!.podIP, 'pods are seen with their own address');
    await expectAllNodes(`the address, from ${node.name},`, async () => [await askWeb(ip, inNamespace(node.namespace))]);
  }
});

test('the node port of every node leads to the pods of all of them from outside', async () => {
  for (const target of await nodePorts('web')) await expectAllNodes(target, async () => [await askWeb(target)]);
});

test('scaled, rolled out and rolled back under constant load, no request fails', async () => {
  const targets = await nodePorts('web');
  for (const target of targets) await until(`${target} answers`, () => askWeb(target), PATIENCE);
  await using load = startLoad(targets);
  const goOn = async () => {
    const before = load.answered;
    try {
      await until('requests go on', () => load.answered > before + 20, PATIENCE);
    } catch (cause) {
      throw new Error(`requests failed:\n${load.failures.slice(0, 20).join('\n')}`, { cause });
    }
  };
  await goOn();
  await kubectl.run('scale deployment/web --replicas=5');
  await kubectl.run('rollout status deployment/web --timeout=120s');
  await goOn();
  await kubectl.run('scale deployment/web --replicas=3');
  await until(
    'three are left',
    async () => (await kubectl.json<{ items: V1Pod[] }>('get pods -l app=web')).items.length === 3,
    PATIENCE,
  );
  await kubectl.run('set env deployment/web VERSION=v2');
  await kubectl.run('rollout status deployment/web --timeout=180s');
  await until('the new version answers', () => load.versions.has('v2'), PATIENCE);
  await kubectl.run('rollout undo deployment/web');
  await kubectl.run('rollout status deployment/web --timeout=180s');
  await until(
    'the old ones have gone',
    async () => (await kubectl.json<{ items: V1Pod[] }>('get pods -l app=web')).items.length === 3,
    PATIENCE,
  );
  await goOn();
  await load.stop();
  assert.deepEqual(load.failures, []);
  for (const target of targets) assert.equal((await askWeb(target))?.version, 'v1');
});

test('with externalTrafficPolicy Local a node leads to its own pods alone, which see who asks, and tells load balancers', async () => {
  const only = cluster.nodes.slice(0, 2);
  const pod = { affinity: nodeAffinity(only) };
  await apply(...webService('near', { replicas: 2, pod, service: { type: 'LoadBalancer', externalTrafficPolicy: 'Local' } }));
  await kubectl.run('rollout status deployment/near --timeout=120s');
  const { nodePort, healthPort } = await serviceOf('near');
  const healthOf = async ({ address }: RealNode) => {
    const response = await fetch(`http://${address}:${healthPort}/`, { signal: AbortSignal.timeout(5000) });
    return { status: response.status, ...((await response.json()) as { localEndpoints: number }) };
  };
  for (const node of only) {
    await until(`${node.name} is healthy`, async () => (await healthOf(node)).status === 200, PATIENCE);
    assert.equal((await healthOf(node)).localEndpoints, 1);
    for (let i = 0; i < 4; i++) {
      const answer = await askWeb(`${node.address}:${nodePort}`);
      assert.deepEqual([answer?.node, answer?.client], [node.name, new URL(cluster.server).hostname]);
    }
  }
  const [, , third] = cluster.nodes;
  await until('the third has none to offer', async () => (await healthOf(third!)).status === 503, PATIENCE);
  assert.equal(await askWeb(`${third!.address}:${nodePort}`), undefined);
});

test('with session affinity a client stays with its pod, at each node', async () => {
  await apply(...webService('sticky', { service: { sessionAffinity: 'ClientIP' } }));
  await kubectl.run('rollout status deployment/sticky --timeout=120s');
  const { ip } = await serviceOf('sticky');
  for (const node of cluster.nodes) {
    await until('it answers', async () => (await askWebFrom(kubectl, askerOf(node), ip)).length > 0, PATIENCE);
    const pods = (await askWebFrom(kubectl, askerOf(node), 'sticky', 6)).map(({ pod }) => pod);
    assert.equal(pods.length, 6);
    assert.equal(new Set(pods).size, 1, pods.join());
  }
});

test('pods of a node that is cut off are replaced elsewhere and served without it; the node comes back', async () => {
  const [first, , third] = cluster.nodes;
  const soon = ['not-ready', 'unreachable'].map((state) => ({
    ...{ key: `node.kubernetes.io/${state}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
  }));
  await apply(...webService('moving', { pod: { tolerations: soon } }));
  await kubectl.run('rollout status deployment/moving --timeout=120s');
  await until(
    'one is on the third node',
    async () => (await podsOf('moving')).some(({ spec }) => spec!.nodeName === third!.name),
    PATIENCE,
  );
  const node = () => kubectl.json<V1Node>(`get node ${third!.name}`);
  const ready = async () => (await node()).status!.conditions!.find(({ type }) => type === 'Ready')!;
  await third!.cut();
  await until('it is not ready', async () => (await ready()).status === 'Unknown', PATIENCE);
  assert.deepEqual(
    [(await ready()).reason, (await ready()).message],
    ['NodeStatusUnknown', 'Kubelet stopped posting node status.'],
  );
  await until(
    'it is tainted',
    async () => {
      const effects = ((await node()).spec!.taints ?? [])
        .filter(({ key }) => key === 'node.kubernetes.io/unreachable')
        .map(({ effect }) => effect);
      return effects.includes('NoExecute') && effects.includes('NoSchedule');
    },
    PATIENCE,
  );
  await until(
    'three run elsewhere',
    async () => {
      const isReady = ({ status }: V1Pod) =>
        status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
      return (await podsOf('moving')).filter((pod) => isReady(pod) && pod.spec!.nodeName !== third!.name).length === 3;
    },
    PATIENCE,
  );
  const { ip } = await serviceOf('moving');
  const answers = await askWebFrom(kubectl, askerOf(first!), ip, 12);
  assert.equal(answers.length, 12);
  assert.ok(answers.every(({ node: name }) => name !== third!.name));
  await third!.mend();
  await until('it is ready', async () => (await ready()).status === 'True', PATIENCE);
  await until('it is taken up again', async () => !(await node()).spec!.taints?.length, PATIENCE);
  await until(
    'its old pods have gone',
    async () => (await kubectl.json<{ items: V1Pod[] }>('get pods -l app=moving')).items.length === 3,
    PATIENCE,
  );
  await until('it leads to them', () => askWeb(ip, inNamespace(third!.namespace)), PATIENCE);
});

const nodeAffinity = (nodes: readonly RealNode[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: nodes.map(({ name }) => name) }] },
      ],
    },
  },
});

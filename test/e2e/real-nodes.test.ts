import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Pod } from '../../src/api/gen/types.ts';
import { BUSYBOX } from '../harness/images.ts';
import { type RealNodes, startRealNodes } from '../harness/real-nodes.ts';
import { until } from '../harness/until.ts';

let nodes: RealNodes;
before(async () => {
  nodes = await startRealNodes({ nodes: 2 });
});
after(() => nodes?.[Symbol.asyncDispose]());

async function startPod(name: string, nodeName: string): Promise<string> {
  const pods = nodes.client.resource<V1Pod>(podKind, 'default');
  const spec = {
    nodeName,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'c', image: BUSYBOX, command: ['sh', '-c', `echo ${name} > /tmp/index.html; httpd -f -p 80 -h /tmp`] }],
  };
  await pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec });
  const ip = await until(
    `pod ${name} runs`,
    async () => {
      const { status } = await pods.get(name);
      return status?.phase === 'Running' && status.podIP;
    },
    { timeoutMs: 60_000 },
  );
  return ip;
}

test('pods of nodes that are namespaces reach each other, unless a cable is pulled; a node that lost power comes back', async () => {
  const [first, second] = nodes.nodes;
  assert.ok(first && second);
  const kubectl = nodes.kubectl();
  await startPod('a', first.name);
  const address = await startPod('b', second.name);
  const ask = () => kubectl.try(['exec', 'a', '--', 'sh', '-c', `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} 80`]);
  const answers = async () => (await ask()).stdout.endsWith('\nb\n');
  await until('the other node’s pod answers', answers, { timeoutMs: 60_000 });
  await second.cut();
  assert.equal(await answers(), false);
  await second.mend();
  await until('it answers again', answers, { timeoutMs: 60_000 });
  await second.reboot();
  await second.waitReady();
  await until(
    'its pod runs again',
    async () => {
      const { status } = await nodes.client.resource<V1Pod>(podKind, 'default').get('b');
      const again = status?.podIP ?? '';
      return (
        (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0 &&
        (await first.try('curl', ['-sfm', '3', `http://${again}/`])).stdout === 'b\n'
      );
    },
    { timeoutMs: 60_000 },
  );
});

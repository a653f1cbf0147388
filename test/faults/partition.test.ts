import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { podKind } from '../../src/api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../src/api/gen/types.ts';
import { whyNotReady } from '../../src/cluster/ready-nodes.ts';
import { startCluster } from '../../src/cluster/start-cluster.ts';
import { PROGRAM, startProgram } from '../harness/component-process.ts';
import { inNamespace } from '../harness/containerd-leftovers.ts';
import { openNodeLinks } from '../harness/node-links.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { bootstrapConfig, createToken } from './joining-node.ts';

const TOKEN = 'goodgo.0123456789abcdef';
const GRACE_MS = 4_000;

test('a node that nothing comes to or from is NotReady, and does all that it missed when the wire is whole again', async () => {
  await using links = await openNodeLinks();
  const link = await links.add();
  await using directory = await temporaryDirectory();
  await using cluster = await startCluster({ nodes: 0, bindAddress: links.hostAddress, nodeMonitorGracePeriodMs: GRACE_MS });
  await createToken(cluster, TOKEN);
  const file = (name: string) => directory.file(name);
  await mkdir(file('root'));
  await writeFile(file('bootstrap'), await bootstrapConfig(cluster, { token: TOKEN }), { mode: 0o600 });
  const { address } = link;
  const configuration = { kind: 'KubeletConfiguration', apiVersion: 'kubelet.config.k8s.io/v1beta1' };
  // A lease every second.
  const changes = { address, healthzBindAddress: address, healthzPort: 0, nodeLeaseDurationSeconds: 4 };
  await writeFile(file('config'), JSON.stringify({ ...configuration, ...changes }));
  const [program = '', ...before] = inNamespace(link.namespace);
  await using kubelet = startProgram(program, [
    ...[...before, process.execPath, PROGRAM, 'kubelet', '--hostname-override=far', '--runtime=hollow'],
    ...[`--bootstrap-kubeconfig=${file('bootstrap')}`, `--kubeconfig=${file('kubeconfig')}`, `--cert-dir=${file('pki')}`],
    ...[`--root-dir=${file('root')}`, `--config=${file('config')}`, `--node-ip=${address}`],
  ]);
  const nodes = cluster.client().resource<V1Node>(nodeKind);
  const pods = cluster.client().resource<V1Pod>(podKind, 'default');
  const phaseOf = async (name: string) => (await pods.get(name)).status?.phase;
  const create = (name: string) =>
    pods.create({
      metadata: { name },
      spec: { nodeName: 'far', terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'nginx' }] },
    });
  const isReady = async () => whyNotReady(await nodes.get('far')) === undefined;
  await until('the node is Ready', isReady);
  await create('deleted-meanwhile');
  await until('its pod runs', async () => (await phaseOf('deleted-meanwhile')) === 'Running');

  await link.cut();
  await pods.delete('deleted-meanwhile');
  await create('made-meanwhile');
  const lost = await until('it is known to be lost', async () => {
    const ready = (await nodes.get('far')).status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'Unknown' && ready;
  });
  assert.equal(lost.reason, 'NodeStatusUnknown');
  // Who cannot be asked has not said that it stopped anything.
  assert.ok((await pods.get('deleted-meanwhile')).metadata?.deletionTimestamp);
  assert.equal(await phaseOf('made-meanwhile'), 'Pending');

  await link.mend();
  await until('it is Ready again', isReady);
  await until('the pod that was made meanwhile runs', async () => (await phaseOf('made-meanwhile')) === 'Running');
  await until('the pod that was deleted meanwhile has gone', async () => {
    const { items } = await pods.list();
    return items.every(({ metadata }) => metadata?.name !== 'deleted-meanwhile');
  });
  assert.equal(kubelet.exitStatus, undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, certificate, DAY_MS, NOW_MS, node, nodeObject, observations } from './checks/observations.test-support.ts';
import { planRescue, rescueText } from './rescue-plan.ts';

const paths = {
  bootstrapKubeconfig: '/tmp/bootstrap.kubeconfig',
  kubelet: {
    bootstrapKubeconfig: '/etc/kubernetes/bootstrap-kubelet.conf',
    kubeconfig: '/etc/kubernetes/kubelet.conf',
    certificateDirectory: '/var/lib/kubelet/pki',
  },
};
const silent = node({
  node: nodeObject({ name: 'node-2', address: '10.0.0.2', ready: { status: 'Unknown', reason: 'NodeStatusUnknown' } }),
  lease: { spec: { renewTime: at(-420 * DAY_MS) } },
  clientTtlSeconds: undefined,
});

test('silent nodes are to be rescued, step by step, and what they had is kept', () => {
  const plan = planRescue(observations({ nodes: [node(), silent] }), [], true, paths);
  assert.deepEqual(
    plan.nodes.map(({ name }) => name),
    ['node-2'],
  );
  assert.match(plan.nodes[0]!.why, /silent for 10080 hours/);
  assert.match(
    plan.nodes[0]!.steps.join('\n'),
    /scp -p \/tmp\/bootstrap\.kubeconfig root@10\.0\.0\.2:\/etc\/kubernetes\/bootstrap-kubelet\.conf/,
  );
  assert.match(plan.nodes[0]!.steps.join('\n'), /mv .*kubelet-client-\* .*pki\.before\//);
  assert.match(rescueText(plan, false), /^This is a plan: nothing has been done/m);
});

test('what keeps everybody out is told first; who is well or unknown is told, too', () => {
  const certificates = [certificate({ where: 'kubeconfig authority', isCa: true, notAfterMs: NOW_MS - 1 })];
  const plan = planRescue(observations({ nodes: [node(), silent], certificates }), ['node-1', 'node-9'], false, paths);
  assert.deepEqual([plan.nodes, plan.well, plan.unknown], [[], ['node-1'], ['node-9']]);
  assert.match(plan.first.join('\n'), /authority has expired.*\n.*clusterrolebinding/);
  assert.match(rescueText(planRescue(observations(), [], true, paths), false), /nobody is to be rescued/);
});
